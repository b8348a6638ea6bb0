# The Python that the tests ran with, else any later one; PYTHON=... chooses.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint bench compatibility reference clean

# The stamp is newer than what it was built from, so a second `make` installs nothing.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch --editable '.[test]'
	touch $@

run: $(VENV)/.installed
	$(BIN)/art-snn compare

test: $(VENV)/.installed
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/art-snn bench

# Writes the tables of docs/compatibility.md; six minutes on one thread.
compatibility: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[compatibility]'
	$(BIN)/python -m tests.compatibility

# Writes docs/spec.md from the declarations.
reference: $(VENV)/.installed
	$(BIN)/python -m art_snn.cli.reference > docs/spec.md

clean:
	rm -rf $(VENV) build *.egg-info
