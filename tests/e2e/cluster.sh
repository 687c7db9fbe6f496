#!/usr/bin/env bash
# The whole system on a cluster, tested from the outside: `make e2e`. Each line that it prints can be run by hand.
#
#   --dry-run      print the commands, run none
#   --keep         leave everything up at the end
#
# By default it makes a cluster with kind and deletes it again; KIND_NODE_IMAGE is then its nodes' image. DOMAIN may name another
# port of this machine than 443: crossdock.localhost:8443.
#
# With KUBE_CONTEXT it takes that cluster, which has an ingress controller, metrics and Dapr already, and no Crossdock. What was
# installed there is removed again, with its namespaces.
#   REGISTRY         where its nodes pull images from
#   INGRESS_ADDRESS  where its ingress controller is reached (127.0.0.1); its port is that of DOMAIN
#   DOMAIN           its own domain, by default crossdock.localhost
#   OVERLAY          its own folder for kustomize, by default k8s/overlays/kind
#   VALUES           a file for all releases: ingress.provider, ingress.namespace, whatever differs there
#
# The report goes to docs/e2e-cluster.md, beside that of the rendered place (docs/e2e.md). kubectl is to be there already, of the
# cluster's version or next to it.
set -euo pipefail
cd "$(dirname "$0")/../.."

KIND_CLUSTER=${KIND_CLUSTER:-crossdock-e2e}
INGRESS_VERSION=2.6.4 DAPR_VERSION=1.18.3 METRICS_VERSION=3.13.1
AGENTS=(anomaly contract escalation)
CUSTOMERS=(acme globex)
THIRD=vandelay # comes and goes in the cases
IMAGES=("${AGENTS[@]}" orchestrator edge installer keycloak)
NAMESPACES=(crossdock-agents crossdock-data crossdock-edge crossdock-identity crossdock-system "${CUSTOMERS[@]}" "$THIRD")
REPORT=docs/e2e-cluster.md

dry='' keep=''
for word in "$@"; do
  case $word in
    --dry-run) dry=yes ;;
    --keep) keep=yes ;;
    *) echo "unknown: $word (there are --dry-run and --keep)" >&2; exit 2 ;;
  esac
done

step() { printf '\n# %s\n' "$1"; }

refused() {
  echo "$1" >&2
  exit 1
}

show() {
  local line='' word
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9_./:=,@-]+$ ]]; then line+="$word "; else line+="${word@Q} "; fi
  done
  printf '%s\n' "${line% }"
}

run() {
  show "$@"
  if [ -z "$dry" ]; then "$@"; fi
}

answer() { # into $said: what a command prints
  show "$@"
  said=''
  if [ -z "$dry" ]; then
    said=$("$@" 2>&1) || refused "$said"
    printf '%s\n' "$said"
  fi
}

release() { # name, chart, namespace, and what only this one has
  run helm upgrade --install "$1" "charts/$2" --namespace "$3" --kube-context "$KUBE_CONTEXT" --wait --timeout 5m \
    --values k8s/laptop.yaml --set image.tag=dev,platform.domain="${DOMAIN%%:*}",platform.httpsPort="$port" \
    --set autoscaling.enabled=false "${registry[@]}" "${@:4}" "${values[@]}"
}

fitted() { # none of the tools that the Makefile pins, kubectl must fit the cluster
  step 'kubectl is of the version of the cluster, or next to it'
  answer kubectl --context "$KUBE_CONTEXT" version
  if [[ $said == *'exceeds the supported'* ]]; then refused 'Install kubectl of the version of the cluster, or of the minor version next to it.'; fi
}

upstream() { # name, namespace, chart, and what only this one has
  run helm upgrade --install "$1" "$3" --namespace "$2" --kube-context "$KUBE_CONTEXT" --wait --timeout 5m "${@:4}"
}

accepted() { # release, namespace: its own helm test
  run helm test "$1" --namespace "$2" --kube-context "$KUBE_CONTEXT" --timeout 5m
}

removed() {
  local status=$?
  if [ -z "$theirs" ] && ((status)); then
    step 'What went wrong is in these logs'
    run kind export logs .crossdock/e2e --name "$KIND_CLUSTER" || true
  fi
  step 'Everything goes'
  if [ -z "$theirs" ]; then
    run kind delete cluster --name "$KIND_CLUSTER"
    return
  fi
  for customer in "${CUSTOMERS[@]}" "$THIRD"; do run make customer-remove NAME="$customer" || true; done
  run helm uninstall "${AGENTS[@]}" --namespace crossdock-agents --kube-context "$KUBE_CONTEXT" --ignore-not-found --wait || true
  run helm uninstall edge --namespace crossdock-edge --kube-context "$KUBE_CONTEXT" --ignore-not-found --wait || true
  run kubectl --context "$KUBE_CONTEXT" delete --kustomize "$OVERLAY" --ignore-not-found
}

theirs=${KUBE_CONTEXT:-}
registry=()
values=(${VALUES:+--values "$VALUES"})
if [ -n "$theirs" ]; then
  : "${REGISTRY:?Set REGISTRY, from which the nodes of $theirs pull images}"
  registry=(--set "image.registry=$REGISTRY")
  export REGISTRY INSTALLER_IMAGE="$REGISTRY/crossdock/installer:dev"
fi
export PLACE=cluster KUBE_CONTEXT="${theirs:-kind-$KIND_CLUSTER}" COMPOSE_PROJECT_NAME=crossdock TAG=dev
export OVERLAY="${OVERLAY:-k8s/overlays/kind}" DOMAIN="${DOMAIN:-crossdock.localhost}" PATH="$PWD/.tools:$PATH"
step 'What the commands below are told'
for name in PLACE KUBE_CONTEXT COMPOSE_PROJECT_NAME TAG OVERLAY DOMAIN ${theirs:+REGISTRY} ${theirs:+INSTALLER_IMAGE} \
  ${VALUES:+VALUES} ${INGRESS_ADDRESS:+INGRESS_ADDRESS}; do
  export "${name?}"
  printf 'export %s=%q\n' "$name" "${!name}"
done
port=443
if [[ $DOMAIN == *:* ]]; then port=${DOMAIN##*:}; fi
if [ -z "$dry" ] && ! command -v kubectl >/dev/null; then refused 'There is no kubectl: install it, of the version of the cluster.'; fi

if [ -z "$theirs" ]; then
  step "A cluster, whose port for HTTPS is port $port of this machine"
  config=k8s/overlays/kind/cluster.yaml
  if [ "$port" != 443 ]; then
    run install -D -m 644 "$config" .crossdock/e2e/cluster.yaml
    config=.crossdock/e2e/cluster.yaml
    run sed -i "s/hostPort: 443,/hostPort: $port,/" "$config"
  fi
  run kind create cluster --name "$KIND_CLUSTER" --config "$config" --wait 180s ${KIND_NODE_IMAGE:+--image "$KIND_NODE_IMAGE"}
else
  fitted
  step 'Everything of Crossdock'"'"'s is removed at the end: nothing of it may be there before'
  answer kubectl --context "$KUBE_CONTEXT" get namespaces "${NAMESPACES[@]}" --ignore-not-found --output name
  if [ -n "$said" ]; then refused "$theirs has these namespaces already, and they would be deleted. Remove them, or take another cluster."; fi
fi
# Only now there is something that is ours to remove.
if [ -z "$keep" ]; then trap removed EXIT; fi
if [ -z "$theirs" ]; then fitted; fi

step 'Images'
run docker compose --profile tools build --quiet
for image in "${IMAGES[@]}"; do
  if [ -n "$theirs" ]; then
    run docker tag "crossdock/$image:dev" "$REGISTRY/crossdock/$image:dev"
    run docker push --quiet "$REGISTRY/crossdock/$image:dev"
  else
    run kind load docker-image "crossdock/$image:dev" --name "$KIND_CLUSTER"
  fi
done

step 'What stands before any release: namespaces, Secrets, Redis, PostgreSQL, Keycloak with its realm'
run make platform

if [ -z "$theirs" ]; then
  step 'What comes from others: metrics for autoscaling, the ingress controller, Dapr'
  upstream metrics-server kube-system metrics-server --repo https://kubernetes-sigs.github.io/metrics-server \
    --version "$METRICS_VERSION" --set 'args={--kubelet-insecure-tls}'
  upstream nginx-ingress crossdock-edge oci://ghcr.io/nginx/charts/nginx-ingress \
    --version "$INGRESS_VERSION" --values k8s/overlays/kind/ingress-controller.yaml
  upstream dapr dapr-system dapr --repo https://dapr.github.io/helm-charts --create-namespace \
    --version "$DAPR_VERSION" --values k8s/dapr/values.yaml --set global.ha.enabled=false
fi

step 'The edge, and the agents that all customers share'
release edge edge crossdock-edge
for agent in "${AGENTS[@]}"; do
  release "$agent" agent crossdock-agents --values "k8s/agents/$agent.yaml" --set test.enabled=true
  accepted "$agent" crossdock-agents
done

step 'Two customers'
for customer in "${CUSTOMERS[@]}"; do
  run make customer NAME="$customer"
  release "$customer" orchestrator "$customer" --values "k8s/customers/$customer.yaml" --set test.enabled=true
  accepted "$customer" "$customer"
done

step 'The cases; among them a third customer that comes while load runs'
run .venv/bin/python -m pytest -rs --timeout 1200 tests/e2e --place cluster --report "$REPORT"

if [ -n "$keep" ]; then
  step 'It stays up. A token: make -s token PLACE=cluster CUSTOMER=acme'
fi
