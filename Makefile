# Two commands matter: `make demo` and `make test`. Both work on a fresh clone with Python >= 3.11, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint types layers unit bench clean

demo: $(INSTALLED)
	$(BIN)/explain-gate demo --output reports/demo

test: $(INSTALLED) lint types layers unit

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

layers: $(INSTALLED)
	$(BIN)/lint-imports --no-logo

unit: $(INSTALLED)
	$(BIN)/python -m pytest

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# torchvision is installed without its dependencies first: its torch must be the one pinned here.
$(INSTALLED): pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
# Quantus, a reference in tests, asks for opencv-python: that needs a screen's libraries and writes over the headless one.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps quantus
	touch $@
