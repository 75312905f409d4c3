# Two commands matter: `make demo` and `make test`. Both work on a fresh clone with Python >= 3.11, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# How often `make soak` and `make kills` do it again.
TIMES ?=

# Processes that run tests; each uses one core.
JOBS ?= 2

.PHONY: demo test lint types layers unit docs examples soak kills clean

demo: $(INSTALLED)
	$(BIN)/explain-gate demo --output reports/demo

test: $(INSTALLED)
	$(MAKE) --no-print-directory --jobs 3 --output-sync lint types layers
	$(MAKE) --no-print-directory unit

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

layers: $(INSTALLED)
	$(BIN)/lint-imports --no-logo

unit: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal

# The site as folder site/, strictly: a broken link is an error.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict -f .mkdocs.yml

# Stories of an honest and a cheating version, one a folder; each is a minute of one core.
examples: $(INSTALLED)
	set -e; for story in examples/*/train.py; do echo "$$story"; $(BIN)/python "$$story"; done

# Hours: the suite in odd surroundings, then each test that starts a process or waits 200 times, with both cores busy.
soak: $(INSTALLED)
	PYTHONPATH=tests $(BIN)/python tests/soak.py $(TIMES:%=--times %)

# Minutes: a run killed at fifty random moments.
kills: $(INSTALLED)
	PYTHONPATH=tests:. $(BIN)/python -m faults.kills $(TIMES:%=--times %)

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
