# make help lists what there is. Everything runs in .venv, which is made on first use.
PYTHON ?= python3
DEMO ?= diffuser_flower
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint docs lock clean check

help:  ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## */  make \1@/p' $(MAKEFILE_LIST) | awk -F@ '{printf "%-14s %s\n", $$1, $$2}'
	@echo "Set PYTHON for another Python (3.10 to 3.13), DEMO for another request (examples/requests), JOBS for more test workers."

demo: $(STAMP)  ## one remix with the embedded suite: demo/remix.png and demo/sheet.png
	@mkdir -p demo
	$(BIN)/remixlab remix --request examples/requests/$(DEMO).json -o demo/remix.png --sheet demo/sheet.png

test: $(STAMP)  ## the tests
	$(BIN)/python -m pytest -q -n $(JOBS)

lint: $(STAMP)  ## ruff and pyright
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/python -m pyright --pythonpath $(BIN)/python

docs: $(STAMP)  ## the documentation: site/index.html
	$(BIN)/python -m mkdocs build --quiet

lock:  ## write requirements.lock again, keeping what still fits (scripts/lock.sh --upgrade takes the newest)
	PYTHON="$(PYTHON)" scripts/lock.sh

clean:  ## remove the environment, caches and build products
	rm -rf $(VENV) build dist demo site .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What pip cannot install, asked before it downloads several gigabytes.
check:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "$(PYTHON) not found: install Python 3.10 to 3.13, or run 'make PYTHON=/path/to/python3'." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "remixlab needs Python 3.10 to 3.13; $(PYTHON) is $$("$(PYTHON)" -V 2>&1). Run 'make PYTHON=python3.12', say." >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys, ctypes; sys.platform == "linux" and [ctypes.CDLL(n) for n in ("libGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0")]' 2>/dev/null || { \
	  echo "OpenCV needs libGL.so.1 and GLib: apt-get install libgl1 libglib2.0-0" >&2; exit 1; }

# The stamp is written last: an interrupted installation goes on where it stopped.
$(STAMP): pyproject.toml requirements.lock
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install -c requirements.lock -e ".[dev]"
	@echo "Compiling pymatting, once ..."; $(BIN)/python -c 'import pymatting'
	@touch $@
