SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := common services/anomaly services/contract services/escalation services/orchestrator
CODE := common services tests examples

.DEFAULT_GOAL := help
.PHONY: help demo run test lint eval bench chaos lock clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/run ## Start two customers and three shared agents, send real tasks, show what comes of them
	@$(BIN)/python -m examples.demo

run: .venv/run ## Start the same system and leave it up; Ctrl-C ends it
	@$(BIN)/python -m examples.run

test: .venv/dev ## Run every test that needs no Docker
	@$(BIN)/python -m pytest -rs -n 3 --dist loadfile tests

eval: .venv/dev ## Score the agents and the routing on the development sets; fails below the floors
	@$(BIN)/python -m tests.eval

bench: .venv/dev ## Compare the server with a2a-sdk's own, as ratios in one run
	@$(BIN)/python -m tests.bench --report docs/benchmark.md

chaos: .venv/dev ## Kill replicas and Redis under N tasks (N=200 by default); fails if one suffered
	@$(BIN)/python -m tests.chaos --tasks $(or $(N),200) $(if $(REPORT),--report $(REPORT)) $(if $(DURABILITY),--durability $(DURABILITY))

lint: .venv/dev ## Run ruff, mypy (strict) and import-linter
	$(BIN)/ruff check $(CODE) && $(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --config pyproject.toml

lock: .venv/run ## Pin the newest versions that the pyproject files allow
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-package crossdock $(PACKAGES:%=%/pyproject.toml) -o requirements/run.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header --no-annotate requirements/dev.in -o requirements/dev.txt

clean: ## Remove what the commands above made
	rm -rf .venv .crossdock demo-output .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' || { echo "Crossdock needs Python 3.11 or later with venv (on Debian: apt-get install python3-venv); PYTHON=... chooses another."; exit 1; }
	@$(PYTHON) -m venv .venv && $(BIN)/pip install -q --disable-pip-version-check -r requirements/uv.txt && touch $@

.venv/run: .venv/uv requirements/run.txt $(PACKAGES:%=%/pyproject.toml)
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/run.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps $(PACKAGES:%=-e %) && touch $@

.venv/dev: .venv/run requirements/dev.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt && touch $@
