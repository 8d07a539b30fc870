# Everything happens in .venv, made from nothing by the first command that needs it
# and renewed when pyproject.toml or constraints.txt change. `make help` lists the commands.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REPORTS ?= thanos-2022
# Of the pages of reports/make.py those to write anew; nothing stands for all.
PAGES ?=
# Examples of each drawn test in `make nightly`.
EXAMPLES ?= 5000
# Interpreters whose digests are compared; nothing stands for all that are found.
PYTHONS ?=
# How many mutants are drawn, and which.
SAMPLE ?= 300
SEED ?= 1
# Not empty: speed is measured in a minute or two, on small cases.
SMALL ?=

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUNTIME := $(VENV)/.set-up-runtime
DEV := $(VENV)/.set-up-dev
# Where the development set-up exists already, it serves the commands that need less.
READY := $(if $(wildcard $(DEV)),$(DEV),$(RUNTIME))

.DEFAULT_GOAL := help
.PHONY: help set-up run test test-quick nightly check format notebooks reports matrix verify digests mutants bench bench-compare \
    bench-limits clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

set-up: $(DEV) ## everything that the other commands need, in .venv

run: $(READY) ## simulate scenarios/thanos-2022.toml; results in out/thanos-2022
	$(BIN)/sim run scenarios/thanos-2022.toml --out out/thanos-2022

test: $(DEV) ## the whole test suite
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal

test-quick: $(DEV) ## the tests that answer within seconds
	$(BIN)/python -m pytest tests/unit tests/tidy

nightly: $(DEV) ## the tests that take minutes, and drawn ones at length (a night, or EXAMPLES=100)
	HYPOTHESIS_PROFILE=nightly NIGHTLY_EXAMPLES=$(EXAMPLES) nice -n 19 $(BIN)/python -m pytest \
	    -m 'nightly or hypothesis' -n logical --maxprocesses 8 --dist worksteal --durations 20

check: $(DEV) ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(DEV) ## rewrite the files as `make check` wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: $(DEV) ## execute every notebook from its paired .py file
	$(BIN)/python -m tests.notebooks

reports: $(READY) ## write reports/ anew
	for name in $(REPORTS); do \
	    $(BIN)/sim run scenarios/$$name.toml --out out/reports/$$name || exit; \
	    mkdir -p reports/$$name; \
	    find out/reports/$$name -type f ! -name page.html ! -name 'headline.*' -exec cp {} reports/$$name ';'; \
	done
	$(BIN)/sim sweep scenarios/thanos-2022.toml --scheme 'mark, 48h' \
	    --vary schemes.1.delete_delay=0s..16m/17 --vary gateways.sync_interval=1m,3m,15m \
	    --cells out/reports/.sim-cells --fresh --out out/reports/delays
	mkdir -p reports/delays
	cd out/reports/delays && cp headline.svg map.svg prices.svg $(CURDIR)/reports/delays
	$(BIN)/python -m reports.make $(PAGES)

matrix: $(READY) ## write reports/thanos-matrix/ anew: every failure mode under every scheme
	$(BIN)/python -m reports.make thanos-matrix

verify: $(READY) ## write reports/verification/ anew: what others found, and what the simulator finds
	$(BIN)/python -m reports.make verification

digests: $(DEV) ## one digest on every Python and NumPy that can be had (minutes for each)
	$(BIN)/python -m tests.versions $(PYTHONS)

mutants: $(DEV) ## change SAMPLE places of judges and model, and see what no test notices (hours)
	$(PIP) install --no-compile -c constraints.txt mutmut
	CI=true HYPOTHESIS_PROFILE=mutants nice -n 19 \
	    $(BIN)/python -m tests.mutants --sample $(SAMPLE) --seed $(SEED)

bench: $(DEV) ## measure speed, and write reports/speed.json and sim/SPEED.md (SMALL=1: only show)
	$(BIN)/python -m tests.bench $(if $(SMALL),--small)

bench-compare: $(DEV) ## measure anew, and fail if something is more than a tenth worse
	$(BIN)/python -m tests.bench --compare

bench-limits: $(DEV) ## measure what must not be slower than asserted
	$(BIN)/python -m pytest tests/bench --benchmark-enable --benchmark-only

clean: ## remove everything that was made
	rm -rf $(VENV) out build dist *.egg-info .benchmarks .coverage .hypothesis \
	    .mypy_cache .pytest_cache .ruff_cache
	find sim tests -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

# Most of what is installed is never imported; what is gets compiled then.
$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --no-compile -c constraints.txt -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --no-compile -c constraints.txt -e '.[dev]'
	@touch $@
