# Every command of this project. Each command first makes what it needs; `make` alone lists them.

MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
.DEFAULT_GOAL := help

# uv warns when the environment of another project is activated.
unexport VIRTUAL_ENV

# The tests start some hundred Python processes. Without compiled modules on disk each of them compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
STAMP := .venv/.synced
UV := $(or $(shell command -v uv 2>/dev/null),.cache/uv/bin/uv)

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(STAMP) ## send telemetry through an exporter into an embedded Kafka and read it back; BROKERS=host:port: a real one
	@$(PYTHON) -m tools.demo $(if $(BROKERS),--brokers '$(BROKERS)')

.PHONY: test
test: $(STAMP) ## run every test that this machine can run; ARGS='-k name' goes to pytest
	@# Most tests wait for a process, so three run on two cores. Tests of one file share the processes that they start.
	@# In the order of their names the long files of contract/ and fault/ come first and the short ones of unit/ last.
	@$(PYTHON) -m pytest -m 'not e2e' --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: conformance
conformance: $(STAMP) ## run the OTLP conformance suite: TARGET=host:port (gRPC), HTTP=host:port; also KAFKA, TOPICS, BROKEN, BROKEN_HTTP, ONLY, SLOW=1, OUT
	@$(PYTHON) -m conformance $(if $(SLOW),--slow) \
	  $(foreach name,target http kafka topics broken broken_http only title out,$(call given,$(name)))

# --name=value for each variable NAME that was given; an underscore in the name becomes a hyphen.
upper = $(shell printf '%s' '$(1)' | tr a-z A-Z)
given = $(if $($(call upper,$(1))),'--$(subst _,-,$(1))=$($(call upper,$(1)))')

.PHONY: bench
bench: $(STAMP) ## measure this exporter and the Collector side by side (ten minutes): ROWS=small,json, REPETITIONS=1, WORKERS=1, OUT=folder
	@$(PYTHON) -m tests.bench $(foreach name,rows repetitions workers out,$(call given,$(name)))

.PHONY: assets
assets: $(STAMP) ## build the Kubernetes binaries, the Collector and Helm, and fetch the Kafka jars, which the other tests need
	@$(PYTHON) -m tools.cluster.build

.PHONY: images
images: $(STAMP) ## build both images with docker, podman or buildah; print their sizes and start times
	@$(PYTHON) -m tools.cluster images

.PHONY: cluster cluster-down
cluster: $(STAMP) ## start a Kubernetes cluster with kind; without an image registry it is built from Debian packages and Go modules
	@$(PYTHON) -m tools.cluster up
cluster-down: $(STAMP) ## delete that cluster and everything that it needed
	@$(PYTHON) -m tools.cluster down

.PHONY: e2e
e2e: $(STAMP) ## run the end-to-end tests in a cluster; KUBECONFIG=file: in that cluster; ARGS='-k name' goes to pytest
	@$(PYTHON) -m tools.cluster e2e -- $(ARGS)

.PHONY: fault
fault: $(STAMP) ## run the whole fault matrix of the operator (an hour and a half); ARGS='-k name' goes to pytest
	@KAFKA_OTLP_FAULT_FULL=1 $(PYTHON) -m pytest -s tests/fault $(ARGS)

.PHONY: mutants
mutants: .cache/mutants/.synced ## the mutation score of the safety-critical modules (half an hour or more); ARGS='flow/budget': of that one
	@.cache/mutants/venv/bin/python -m tools.mutants $(ARGS)

.PHONY: lint
lint: $(STAMP) ## check style, types, import rules, and that generated files are up to date
	@.venv/bin/ruff check --quiet
	@.venv/bin/ruff format --check --quiet || { echo 'lint: files are not formatted; run: make fmt' >&2; exit 1; }
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PYTHON) -m tools.generate --check

.PHONY: fmt
fmt: $(STAMP) ## format the code and fix what ruff can fix
	@.venv/bin/ruff check --fix --quiet || true
	@.venv/bin/ruff format

.PHONY: generate
generate: $(STAMP) ## write the files that are generated from the tables and from the chart
	@$(PYTHON) -m tools.generate

.PHONY: clean
clean: ## remove the environment and every cache inside this folder
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	@find exporter operator tests tools conformance -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml uv.lock $(if $(filter .cache/%,$(UV)),$(UV))
	@[ -e .venv/bin/python ] || \
	  echo 'make: fetching Python packages into .venv: 100 MB at most, 300 MB on disk, only this first time' >&2
	@$(UV) sync --locked --all-extras --quiet
	@touch $@

# mutmut has an environment of its own: nothing else needs it.
.cache/mutants/.synced: pyproject.toml uv.lock $(if $(filter .cache/%,$(UV)),$(UV))
	@UV_PROJECT_ENVIRONMENT=.cache/mutants/venv $(UV) sync --locked --all-extras --no-default-groups --group mutants --quiet
	@touch $@

.cache/uv/bin/uv:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: Python 3.11 or newer is needed, and python3 is $$(python3 --version 2>&1 || true)" >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo 'make: python3 has no venv; install it (Debian: apt-get install python3-venv) or put uv on PATH' >&2; exit 1; }
	@echo 'make: installing uv into .cache/uv (18 MB)' >&2
	@python3 -m venv .cache/uv
	@.cache/uv/bin/pip install --quiet --disable-pip-version-check uv
