#!/usr/bin/env bash
# The whole system on a cluster, tested from the outside: `make e2e`. Each line that it prints can be run by hand.
#
#   --dry-run      print the commands, run none
#   --keep         leave everything up at the end
#
# By default it makes a cluster with kind and deletes it again; KIND_NODE_IMAGE is then its nodes' image. With KUBE_CONTEXT it
# takes that cluster, which has an ingress controller, metrics and Dapr already: REGISTRY is where its nodes pull images
# from, OVERLAY its own folder for kustomize, DOMAIN its own domain. What was installed there is removed again.
set -euo pipefail
cd "$(dirname "$0")/../.."

KIND_CLUSTER=${KIND_CLUSTER:-crossdock-e2e}
INGRESS_VERSION=2.6.4 DAPR_VERSION=1.18.3 METRICS_VERSION=3.13.1
AGENTS=(anomaly contract escalation)
CUSTOMERS=(acme globex)
IMAGES=("${AGENTS[@]}" orchestrator edge installer keycloak)

dry='' keep=''
for word in "$@"; do
  case $word in
    --dry-run) dry=yes ;;
    --keep) keep=yes ;;
    *) echo "unknown: $word (there are --dry-run and --keep)" >&2; exit 2 ;;
  esac
done

step() { printf '\n# %s\n' "$1"; }

run() {
  local line='' word
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9_./:=,@-]+$ ]]; then line+="$word "; else line+="${word@Q} "; fi
  done
  printf '%s\n' "${line% }"
  if [ -z "$dry" ]; then "$@"; fi
}

release() { # name, chart, namespace, and what only this one has
  run helm upgrade --install "$1" "charts/$2" --namespace "$3" --kube-context "$KUBE_CONTEXT" --wait --timeout 5m \
    --values k8s/laptop.yaml --set image.tag=dev,platform.domain="$DOMAIN" "${registry[@]}" "${@:4}"
}

upstream() { # name, namespace, chart, and what only this one has
  run helm upgrade --install "$1" "$3" --namespace "$2" --kube-context "$KUBE_CONTEXT" --wait --timeout 5m "${@:4}"
}

accepted() { # release, namespace: its own helm test
  run helm test "$1" --namespace "$2" --kube-context "$KUBE_CONTEXT" --logs --timeout 5m
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
  for customer in "${CUSTOMERS[@]}"; do run make customer-remove NAME="$customer" || true; done
  run helm uninstall "${AGENTS[@]}" --namespace crossdock-agents --kube-context "$KUBE_CONTEXT" --ignore-not-found --wait || true
  run helm uninstall edge --namespace crossdock-edge --kube-context "$KUBE_CONTEXT" --ignore-not-found --wait || true
  run kubectl --context "$KUBE_CONTEXT" delete --kustomize "$OVERLAY" --ignore-not-found
}

theirs=${KUBE_CONTEXT:-}
registry=()
if [ -n "$theirs" ]; then
  : "${REGISTRY:?Set REGISTRY, from which the nodes of $theirs pull images}"
  registry=(--set "image.registry=$REGISTRY")
  export REGISTRY INSTALLER_IMAGE="$REGISTRY/crossdock/installer:dev"
fi
export PLACE=cluster KUBE_CONTEXT="${theirs:-kind-$KIND_CLUSTER}" COMPOSE_PROJECT_NAME=crossdock TAG=dev
export OVERLAY="${OVERLAY:-k8s/overlays/kind}" DOMAIN="${DOMAIN:-crossdock.localhost}" PATH="$PWD/.tools:$PATH"
step 'What the commands below are told'
for name in PLACE KUBE_CONTEXT COMPOSE_PROJECT_NAME TAG OVERLAY DOMAIN ${theirs:+REGISTRY} ${theirs:+INSTALLER_IMAGE}; do
  printf 'export %s=%q\n' "$name" "${!name}"
done

if [ -z "$keep" ]; then trap removed EXIT; fi
if [ -z "$theirs" ]; then
  step 'A cluster, whose port 443 is this machine'"'"'s'
  run kind create cluster --name "$KIND_CLUSTER" --config k8s/overlays/kind/cluster.yaml --wait 180s \
    ${KIND_NODE_IMAGE:+--image "$KIND_NODE_IMAGE"}
fi

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
run .venv/bin/python -m pytest -rs --timeout 1200 tests/e2e --place cluster

if [ -n "$keep" ]; then
  step 'It stays up. A token: make -s token PLACE=cluster CUSTOMER=acme'
fi
