# Every command of the project. Needs Python 3.11 or newer and make; the rest is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo up test soak check bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(INSTALLED) ## install everything into .venv, as pinned with hashes in requirements/everything.txt

demo: $(INSTALLED) ## run the story of examples/ on a stack of its own and end; KEEP=1 leaves it running for a look
	@$(BIN)/python -m starter demo $(if $(filter 1,$(KEEP)),--keep)

up: $(INSTALLED) ## run the whole service on the embedded stack until Ctrl-C; data is kept in .data/
	@$(BIN)/python -m starter up

# The tests start hundreds of Python processes; without compiled files each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# Tests wait more than they compute, so three processes keep two cores busy; each has servers of its own.
test: $(INSTALLED) ## run every test that is not marked long
	@$(BIN)/pytest --numprocesses 3 --dist worksteal

# Two processes, not three: these tests kill and freeze processes, and a call that waits a minute for a processor is a failed one.
soak: $(INSTALLED) ## run the long tests: fault seeds, mutants, races in numbers
	@$(BIN)/pytest -m long --numprocesses 2 --dist worksteal --verbose -o console_output_style=count

check: $(INSTALLED) ## check format, lint, types and import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(INSTALLED) ## run the benchmarks; AGAINST=REVISION compares a life here with one in that version instead
	@$(BIN)/python -m benchmarks $(if $(AGAINST),compare --against $(AGAINST))

# The stamp is written last: an interrupted install is begun anew, and so is one older than the lock file.
$(INSTALLED): requirements/everything.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Switchyard needs Python 3.11 or newer, and $(PYTHON) is not; name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@echo "Installing $$(grep -c == $<) packages into $(VENV) (about 1.1 GB on disk, once; some minutes on a slow line)" >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input --only-binary :all: --require-hashes --requirement $<
	@touch $@
