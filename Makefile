# Two commands for a fresh machine: `make collect` and `make test`. Each sets up what it needs, once.
#
#   make collect                         100 shorts from the sandbox: no key, no account, no internet
#   PLATFORM=youtube make collect        the real thing
#   LIMIT=20 ARGS="--mode feed" make collect

PLATFORM ?= sandbox
LIMIT ?= 100
ARGS ?=

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BROWSER := $(VENV)/.browser
MODEL := $(VENV)/.model

.PHONY: setup collect test check bench soak doctor clean
.DELETE_ON_ERROR:

setup: $(READY) $(BROWSER) $(MODEL)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3 make"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(READY): pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# An installed Chrome or Chromium, else the system's package, else Playwright's own.
$(BROWSER): $(READY)
	$(BIN)/python -m agent.doctor --fix --only browser
	@touch $@

$(MODEL): $(READY)
	$(BIN)/python -m agent.doctor --fix --only model
	@touch $@

collect: setup
	$(BIN)/python -m agent.collect --platform $(PLATFORM) --limit $(LIMIT) $(ARGS)

test: setup
	$(BIN)/python -m pytest $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m tests.bench $(ARGS)

soak: setup
	$(BIN)/python -m tests.soak $(ARGS)

doctor: $(READY)
	$(BIN)/python -m agent.doctor

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache *.egg-info
