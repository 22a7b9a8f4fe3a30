# make repro: environment, embedded model, the whole pipeline.   make test: environment and every check.
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

.PHONY: help setup repro report serve test format ds1000 clean

help:  ## this list
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(VENV)/.installed  ## make .venv with the pinned requirements and the embedded model

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
	dvc repro

report: setup  ## the report with the scores of all committed experiments
	python -m stages.report experiments
	dvc repro report

serve: setup  ## show the report on this machine and take votes: http://127.0.0.1:8000/compare.html
	python -m wizardcoder.cli.serve

test: $(VENV)/.installed-dev  ## format check, lint, types, tests
	ruff format --check .
	ruff check .
	mypy --strict wizardcoder stages
	pytest

format: $(VENV)/.installed-dev  ## format and mend what the linter can mend
	ruff format .
	ruff check --fix .

ds1000: .venv-ds1000/.installed  ## make .venv-ds1000, in which DS-1000 is scored (Python 3.11)

.venv-ds1000/.installed: requirements-ds1000.txt
	@$(DS1000_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "Python 3.11 is needed (DS1000_PYTHON=...), found: $$($(DS1000_PYTHON) --version)" >&2; exit 1; }
	test -x .venv-ds1000/bin/python || $(DS1000_PYTHON) -m venv .venv-ds1000
	.venv-ds1000/bin/python -m pip --disable-pip-version-check install --quiet --only-binary :all: -r $<
	touch $@

clean:  ## remove outs and caches of tools; keeps .venv, .cache (paid answers) and DVC's cache
	rm -rf data models report .mypy_cache .pytest_cache .ruff_cache
