# make repro: environment, embedded model, the whole pipeline.   make check, make test: environment and checks.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
PYTHON ?= python3
DS1000_PYTHON ?= python3.11
VENV := .venv
# Stages say `python`; .venv goes first in PATH, so that temporary experiment folders find it as well.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Two runs must never ask a terminal or send usage data.
export DVC_NO_ANALYTICS := 1
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

.PHONY: help setup repro report experiments serve check test format ds1000 clean

help:  ## list the targets
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(VENV)/.installed  ## create .venv with the pinned requirements and the embedded model

$(VENV)/.installed: requirements.txt constraints.txt requirements-embedded.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed, found: $$($(PYTHON) --version)" >&2; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -r requirements.txt -c constraints.txt
	$(PIP) install --quiet --no-deps --require-hashes -r requirements-embedded.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(PIP) install --quiet -r requirements-dev.txt -c constraints.txt
	touch $@

repro: setup  ## run the pipeline: only the stages that a change affects
	wizardcoder check --repair
	dvc repro

report: setup  ## the report with the scores of your committed experiments
	wizardcoder report
	dvc repro report

experiments: setup  ## the experiments of this commit: what differs, and their headline numbers
	dvc exp show --no-pager --only-changed --drop '^(Created|bundled|data|hub|metrics|models|profiles|stages|templates|wizardcoder)\b'

serve: setup  ## show the report on this machine and collect votes: http://127.0.0.1:8000/compare.html
	wizardcoder serve

# --dist loadfile keeps the tests of a file, which share expensive fixtures, in one worker; tests/heavy.py orders the files.
PYTEST := pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

check: $(VENV)/.installed-dev  ## for every edit: format, lint, types, the tests without processes and models
	ruff format --check .
	ruff check .
	mypy --strict wizardcoder stages
	$(PYTEST) -m "not heavy"

test: $(VENV)/.installed-dev  ## what CI runs: format, lint, types, all tests
	ruff format --check .
	ruff check .
	mypy --strict wizardcoder stages
	$(PYTEST)

format: $(VENV)/.installed-dev  ## format, and fix what the linter can fix
	ruff format .
	ruff check --fix .

ds1000: .venv-ds1000/.installed  ## create .venv-ds1000, in which DS-1000 is scored (Python 3.11)

.venv-ds1000/.installed: requirements-ds1000.txt
	@$(DS1000_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "Python 3.11 is needed (DS1000_PYTHON=...), found: $$($(DS1000_PYTHON) --version)" >&2; exit 1; }
	test -x .venv-ds1000/bin/python || $(DS1000_PYTHON) -m venv .venv-ds1000
	.venv-ds1000/bin/python -m pip --disable-pip-version-check install --quiet --only-binary :all: -r $<
	touch $@

clean:  ## remove outputs and tool caches; keeps .venv, .cache (paid answers) and DVC's cache
	rm -rf data models report .mypy_cache .pytest_cache .ruff_cache
