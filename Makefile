SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := common $(wildcard services/*)
CODE := common services tests examples

# Settings of the compose place; .env keeps those that are not the default.
-include .env
COMPOSE_PROJECT_NAME := $(or $(PROJECT),$(COMPOSE_PROJECT_NAME))
ifdef TELEMETRY
COMPOSE_PROFILES := telemetry
OTLP_ENDPOINT := http://otel-collector:4318
endif
SETTABLE := COMPOSE_PROJECT_NAME COMPOSE_PROFILES OTLP_ENDPOINT PUBLIC_HOST HTTPS_PORT HTTP_PORT BIND_ADDRESS REPLICAS TAG \
	LOG_LEVEL REQUESTS_PER_MINUTE REQUEST_BURST
# Those of a cluster: PLACE=cluster.
SETTABLE += PLACE STATE DOMAIN OVERLAY KUBE_CONTEXT INSTALLER_IMAGE
export $(foreach name,$(SETTABLE),$(if $($(name)),$(name)))
INSTALLER := $(BIN)/python -m installer

.DEFAULT_GOAL := help
.PHONY: help demo run up down ps logs token platform customer customer-remove renew images test test-compose test-e2e e2e e2e-keep lint eval bench chaos schemas lock clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/run ## Start two customers and three shared agents, send real tasks, show what comes of them
	@$(BIN)/python -m examples.demo

run: .venv/run ## Start the same system and leave it up; Ctrl-C ends it
	@$(BIN)/python -m examples.run

up: .venv/run ## Start everything in containers, with Keycloak, Redis, PostgreSQL and a gateway (TELEMETRY=1: and telemetry)
	@$(INSTALLER) compose up

down: .venv/run ## Remove what `make up` made, data and secrets included
	@$(INSTALLER) compose down

ps: .venv/run ## List the containers
	@$(INSTALLER) compose ps

logs: .venv/run ## Follow the containers' logs (S=contract: of one service)
	@$(INSTALLER) compose logs $(if $(S),-- '$(subst ','\'',$(S))')

platform: .venv/run ## Prepare a cluster for releases: PLACE=cluster DOMAIN=crossdock.localhost OVERLAY=k8s/overlays/kind
	@$(INSTALLER) prepare

token: .venv/run ## Print an access token of a customer's callers (CUSTOMER=acme)
	@$(INSTALLER) token -- '$(subst ','\'',$(or $(CUSTOMER),acme))'

customer: .venv/run ## Install the customer of k8s/customers/NAME.yaml while the system runs (NAME=initech)
	@$(INSTALLER) customer add -- '$(subst ','\'',$(NAME))'

customer-remove: .venv/run ## Take a customer away again (NAME=initech)
	@$(INSTALLER) customer remove -- '$(subst ','\'',$(NAME))'

renew: .venv/run ## Make another password or key: SECRET=redis-acme-orchestrator (docs/operations.md tells what then)
	@$(INSTALLER) renew -- '$(subst ','\'',$(SECRET))'

images: .venv/run ## Build all images; print their sizes and how long they take to start
	@$(INSTALLER) compose images

test: .venv/dev .tools/helm .tools/kind .tools/kustomize ## Run every test that needs no Docker
	@$(BIN)/python -m pytest -rfEs -n 3 --dist loadfile tests --ignore tests/compose --ignore tests/e2e

test-compose: .venv/dev ## Test the system that `make up` started, from the outside
	@REQUIRE_ALL=1 $(BIN)/python -m pytest -rfEs --timeout 300 tests/compose

test-e2e: .venv/dev .tools/helm .tools/kustomize ## Test what the charts and k8s/ render, run as containers: no cluster needed (REPORT=docs/e2e.md keeps the report)
	@REQUIRE_ALL=1 $(BIN)/python -m pytest -rfEs --timeout 400 tests/e2e $(if $(REPORT),--report $(REPORT))

e2e: .venv/dev .tools/helm .tools/kind ## Test everything on a cluster made for it with kind, or on that of KUBE_CONTEXT (tests/e2e/cluster.sh tells how); removes it again
	@tests/e2e/cluster.sh $(if $(DRY_RUN),--dry-run)

e2e-keep: .venv/dev .tools/helm .tools/kind ## The same, and leave the cluster up
	@tests/e2e/cluster.sh --keep $(if $(DRY_RUN),--dry-run)

eval: .venv/dev ## Score the agents and the routing on the development sets; fails below the floors
	@$(BIN)/python -m tests.eval

bench: .venv/dev ## Compare the server with a2a-sdk's own, as ratios in one run: ROUNDS=3
	@$(BIN)/python -m tests.bench --rounds $(or $(ROUNDS),3) --report docs/benchmark.md

chaos: .venv/dev ## Kill replicas and Redis under N tasks (N=200 by default); fails if one suffered
	@$(BIN)/python -m tests.chaos --tasks $(or $(N),200) $(if $(REPORT),--report $(REPORT)) $(if $(DURABILITY),--durability $(DURABILITY))

lint: .venv/dev ## Run ruff, mypy (strict) and import-linter
	$(BIN)/ruff check $(CODE) && $(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --config pyproject.toml

lock: .venv/run ## Pin the newest versions that the pyproject files allow
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-package crossdock $(PACKAGES:%=%/pyproject.toml) -o requirements/run.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header --no-annotate requirements/dev.in -o requirements/dev.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header --no-annotate requirements/build.in -o requirements/build.txt
	@for service in $(notdir $(wildcard services/*)); do $(MAKE) -s requirements/$$service.txt; done

# What one image installs; a2a-sdk wants the gRPC compiler, which nothing runs.
requirements/%.txt: services/%/pyproject.toml common/pyproject.toml requirements/run.txt | .venv/run
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c requirements/run.txt $(addprefix --no-emit-package ,crossdock grpcio-tools setuptools) common/pyproject.toml $< -o $@

# What `make up` made goes first: data in volumes is lost without the passwords beside this file.
clean: $(if $(wildcard .crossdock/compose),down) ## Remove what the commands above made, what `make up` started included
	rm -rf .venv .tools .crossdock demo-output .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Tools, each at the version in its name, from its Go module. Helm's says of itself what cluster it renders for by default.
HELM_VERSION := v3.22.0
HELM_FOR := -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36
GO_INSTALL = @command -v go >/dev/null || { echo "$(@F) is built from its Go module: install Go 1.24 or later (https://go.dev/dl)."; exit 1; } \
	&& GOFLAGS=-buildvcs=false GOBIN=$(CURDIR)/$(@D) go install

.tools/$(HELM_VERSION)/helm:
	$(GO_INSTALL) -ldflags '$(HELM_FOR)' helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)

.tools/helm: .tools/$(HELM_VERSION)/helm
	@ln -sfn $(HELM_VERSION)/helm $@

KIND_VERSION := v0.32.0
KUSTOMIZE_VERSION := v5.8.0

.tools/$(KIND_VERSION)/kind:
	$(GO_INSTALL) sigs.k8s.io/kind@$(KIND_VERSION)

.tools/kind: .tools/$(KIND_VERSION)/kind
	@ln -sfn $(KIND_VERSION)/kind $@

.tools/$(KUSTOMIZE_VERSION)/kustomize:
	$(GO_INSTALL) sigs.k8s.io/kustomize/kustomize/v5@$(KUSTOMIZE_VERSION)

.tools/kustomize: .tools/$(KUSTOMIZE_VERSION)/kustomize
	@ln -sfn $(KUSTOMIZE_VERSION)/kustomize $@

schemas: .venv/dev ## Write the charts' schemas again, from their values and from the code's models
	@$(BIN)/python -m tests.charts.schemas

.venv/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' || { echo "Crossdock needs Python 3.11 or later with venv (on Debian: apt-get install python3-venv); PYTHON=... chooses another."; exit 1; }
	@$(PYTHON) -m venv .venv && $(BIN)/pip install -q --disable-pip-version-check -r requirements/uv.txt && touch $@

.venv/run: .venv/uv requirements/run.txt $(PACKAGES:%=%/pyproject.toml)
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/run.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps $(PACKAGES:%=-e %) && touch $@

.venv/dev: .venv/run requirements/dev.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt && touch $@
