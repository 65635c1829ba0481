# The project's commands; `make help` tells what each does.
# Paths are relative throughout, so that a clone may stand in a folder with spaces in its name.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install serve test lint bench fuzz soak explore
MAKEFLAGS += --no-builtin-rules --no-print-directory

BIN := .venv/bin
# Errors only: that a newer pip exists, or that this is root, does not matter inside .venv.
PIP := PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip -qq --disable-pip-version-check
# Where every branch must be covered (CONTRIBUTING.md, "Tests").
COVERED := gateway/translate/*,gateway/resources/*,gateway/grants/*,gateway/exchange.py

export PYTHON

help:  ## print this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z]*\):.*## /  \1 /p' Makefile | while read -r name says; do printf '  %-8s %s\n' "$$name" "$$says"; done
	@echo "Any Python from 3.11 will do; PYTHON=/path/to/python chooses one."

install: .venv/.runtime  ## make .venv with the locked dependencies and the command sage-gateway
	@echo "Ready: $(BIN)/sage-gateway --help"

serve: .venv/.runtime  ## run the gateway before its built-in stand-in for v3.1, on http://127.0.0.1:8080
	@exec $(BIN)/sage-gateway serve --sandbox

test: .venv/.dev  ## run every test, and see that every branch is covered where that is asked
	@$(BIN)/pytest --cov --cov-report=
	@$(BIN)/coverage report --include='$(COVERED)' --fail-under=100

lint: .venv/.dev  ## check style, types and which room may import which
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports

bench: .venv/.dev  ## measure the gateway beside a bare aiohttp proxy and nginx
	@$(BIN)/python -m bench

fuzz: .venv/.dev  ## send the real server a great many broken calls (FUZZ_CALLS: how many in each test)
	@FUZZ_CALLS=$${FUZZ_CALLS:-5000} $(BIN)/pytest tests/fuzz

soak: .venv/.dev  ## kill and pause 8 replicas for 20,000 refreshes, and see that no tenant is lost in vain
	@$(BIN)/python -m tests.soak

explore: .venv/.dev  ## search further for a way to lose a refresh token: two faults with three replicas
	@EXPLORE=deep $(BIN)/pytest -s tests/explorer

# bin/pip comes last when a virtual environment is made: where it stands, the making was not cut short.
$(BIN)/pip:
	@python=$$(sh scripts/find_python.sh) && rm -rf .venv && \
	echo "Making .venv with $$("$$python" --version)" && "$$python" -m venv .venv

.venv/.runtime: requirements.lock requirements-build.lock pyproject.toml | $(BIN)/pip
	@echo "Installing what requirements.lock names"
	@$(PIP) install --require-hashes -r requirements.lock -r requirements-build.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@echo "Installing what requirements-dev.lock names"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
