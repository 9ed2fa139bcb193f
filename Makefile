PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SITE ?= prod
OWN_PULUMI := $(shell command -v pulumi 2>/dev/null)
PULUMI := $(or $(OWN_PULUMI),$(BIN)/python -m tools.engine --)

.PHONY: help setup tools demo test test-unit test-property test-cluster lint format docs check stack preview up bench mutants clean

help: ## what there is to run
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## the Python environment in .venv

$(STAMP): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

tools: setup ## the pinned engine and control plane in .tools, once
	@$(BIN)/python -m tools.build

demo: tools ## prod on a simulated cluster, from nothing, and cleaned up
	@$(BIN)/python -m tools.demo

test: setup lint test-unit test-property test-cluster ## every level of tests

test-unit: setup ## seconds: no engine, no cluster
	$(BIN)/python -m pytest -q tests/unit

test-property: setup ## generated site files and 2,000 mutations; F3IAI_SEED=N repeats a run
	$(BIN)/python -m pytest -q tests/property

test-cluster: tools ## the real engine on a real control plane
	$(BIN)/python -m pytest tests/cluster -v

lint: setup ## format, rules, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup ## write the JSON Schema of a site file and the page of the rules
	$(BIN)/python -m infra schema > .schema.tmp && mv .schema.tmp docs/site.schema.json
	$(BIN)/python -m tools.rules_page

check: setup ## say what keeps the sites from running
	$(BIN)/python -m infra check

stack: setup
	@$(BIN)/python -m infra check "$(SITE)"
	@$(if $(OWN_PULUMI),:,$(BIN)/python -m tools.build && $(PULUMI) stack select --create "$(SITE)")

preview: stack ## pulumi preview of SITE
	$(PULUMI) preview --stack "$(SITE)"

up: stack ## pulumi up of SITE
	$(PULUMI) up --stack "$(SITE)"

bench: tools ## measure, and write docs/benchmarks.md
	@$(BIN)/python -m tools.bench

mutants: setup ## undo each decision in a copy and see that a test notices
	@$(BIN)/python -m tools.mutants

clean: ## remove what was built and installed, not the state of sites
	rm -rf $(VENV) .tools
