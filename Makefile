# `make demo` and `make test` are the whole of it: both make .venv and install what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Wheels only need this much of pip; a mirror or a cache is the user's own affair.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test lint format api wheel proof clean

demo: $(VENV)/installed
	$(BIN)/groupwise demo

test: $(VENV)/installed-dev lint
	$(BIN)/python -m pytest

lint: $(VENV)/installed-dev
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy

format: $(VENV)/installed-dev
	$(BIN)/ruff format src tests benchmarks
	$(BIN)/ruff check --fix src tests benchmarks

# The public names with their docstrings, as pages: docs/api/groupwise.html
api: $(VENV)/installed-dev
	$(BIN)/python docs/build_api.py docs/api

# A wheel and a source archive in dist/, checked as the package index checks them.
wheel: $(VENV)/installed-dev
	$(PIP) install --constraint constraints.txt --editable '.[release]'
	$(BIN)/python -m hatchling build -d dist
	$(BIN)/twine check --strict dist/*

# What is too slow for the tests and ends with an error where it does not hold; about an hour on two free cores.
proof: wheel
	$(BIN)/python benchmarks/wheel.py dist/*.whl
	$(BIN)/python benchmarks/start_pages.py
	$(BIN)/python benchmarks/next_steps.py
	$(BIN)/python benchmarks/kill.py --times 60
	$(BIN)/python benchmarks/kill.py --calls rename --times 25
	$(BIN)/python benchmarks/mutate.py --files 20000
	$(BIN)/python benchmarks/conformal_coverage.py
	$(BIN)/python benchmarks/crossval_coverage.py --quick
	$(BIN)/python benchmarks/croissant.py
	@echo "Proved: the wheel works alone, the pages and the next steps say commands that run, kills lose nothing, broken headers are read or refused, intervals and sets hold what they say, mlcroissant loads what is described."

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --editable '.[serve]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) runs dist
