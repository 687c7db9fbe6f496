#!/usr/bin/env bash
# Run once, by the image, on an empty data folder: a database and a role for each who keeps data here.
set -euo pipefail

for name in contracts keycloak; do
  psql --no-psqlrc --quiet --username postgres --set ON_ERROR_STOP=1 --set name="$name" <<'SQL'
\set password `cat /run/secrets/postgres-:name`
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
