# Everything starts from Python 3.11 or 3.12, make and git: each target builds .venv from the
# hashed lock files first, once per change of those files.

SHELL := /bin/bash
.DEFAULT_GOAL := help

export UV_SYSTEM_CERTS := true
export MLFLOW_DISABLE_TELEMETRY := true
export BENTOML_DO_NOT_TRACK := true

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := .
# Where Python may not keep what it compiles, every start would compile the libraries again: 5 s.
COMPILED := $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode)
# Threads that share out a small matrix, as small optimisers have them, mostly wait in a loop.
ONE_BLAS_THREAD := OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
# Two workers share two cores: more threads each would only make them wait for one another.
ONE_THREAD := OMP_NUM_THREADS=1 $(ONE_BLAS_THREAD)
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest

.PHONY: help demo test test-long check fix bench serve lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

$(READY): requirements.lock requirements-bootstrap.lock pyproject.toml
	@set -e; chosen=; \
	for candidate in $(PYTHON) python3.11 python3.12 python3; do \
	  if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
	      2>/dev/null; then chosen=$$candidate; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	  echo "Fanal needs Python 3.11 or 3.12: install one, or name it: make PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi; \
	$$chosen -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-bootstrap.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes $(COMPILED) -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## a simulated portfolio through every verb
	$(BIN)/fanal demo

test: $(READY)  ## the tests, but for the long ones
	$(PYTEST) -m "not long" -n 2 --dist loadscope

test-long: $(READY)  ## the long tests
	$(PYTEST) -m long

check: $(READY)  ## style, types, import layers, spelling
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files -z | xargs -0 $(BIN)/codespell

fix: $(READY)  ## mend what style can mend by itself
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: $(READY)  ## every bench beside its reference; writes bench.json
	$(ONE_BLAS_THREAD) $(BIN)/python benchmarks/run.py

serve: $(READY)  ## the HTTP service and the pages
	$(BIN)/fanal serve

lock: $(READY)  ## renew the lock files from pyproject.toml
	$(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	  --no-header --group pyproject.toml:bootstrap -o requirements-bootstrap.lock
	$(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	  --no-header --group pyproject.toml:dev pyproject.toml -o requirements.lock

clean:  ## remove the environment and the caches, never a portfolio or .fanal
	rm -rf $(VENV) build dist bench.json .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
