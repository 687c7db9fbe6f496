#!/usr/bin/env bash
# Redis' tasks into a file, and back: k8s/redis.sh backup FILE, k8s/redis.sh restore FILE.
#
# A backup is one moment, and stops nobody. A restore replaces all tasks: Redis ends, and comes back with those of the file; what it
# had before stays on its volume in appendonlydir.before. Users are no part of it: they come from the installer's Secret.
set -euo pipefail
cd "$(dirname "$0")/.."

kube() { kubectl ${KUBE_CONTEXT:+--context "$KUBE_CONTEXT"} --namespace crossdock-data "$@"; }

# Inside the containers. The administrator's password is the first line of what comes in.
# shellcheck disable=SC2016 # for the shell there
DUMP='read -r REDISCLI_AUTH; export REDISCLI_AUTH; trap "rm -f /data/backup.rdb" EXIT
valkey-cli --user admin --rdb /data/backup.rdb >&2 && cat /data/backup.rdb'
LOAD='cd /data; rm -rf appendonlydir.before; if [ -d appendonlydir ]; then mv appendonlydir appendonlydir.before; fi
mkdir appendonlydir; cat >appendonlydir/appendonly.aof.1.base.rdb
echo "file appendonly.aof.1.base.rdb seq 1 type b" >appendonlydir/appendonly.aof.manifest'

backup() {
  umask 077
  kube --namespace crossdock-system get secret platform --output 'go-template={{index .data "redis-admin" | base64decode}}{{"\n"}}' |
    kube exec --stdin redis-0 --container redis -- sh -c "$DUMP" >"$1.part"
  mv "$1.part" "$1"
}

restore() {
  [ "$(head --bytes 5 "$1")" = REDIS ] || { echo "$1 is no backup of Redis." >&2; exit 2; }
  kube scale statefulset redis --replicas 0
  kube wait --for delete pod/redis-0 --timeout 120s
  kube apply --filename k8s/redis-restore.yaml
  kube wait --for condition=Ready pod/redis-restore --timeout 120s
  kube exec --stdin redis-restore -- sh -ec "$LOAD" <"$1"
  kube delete pod redis-restore --wait
  kube scale statefulset redis --replicas 1
  kube rollout status statefulset redis --timeout 600s
}

case ${1:-} in
  backup | restore) "$1" "${2:?name a file}" ;;
  *) echo "usage: k8s/redis.sh backup|restore FILE" >&2; exit 2 ;;
esac
