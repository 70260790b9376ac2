# Everything here sets itself up: it needs make, bash, and Python >= 3.11 with pip and venv.
#
#   make run             tune the built-in task and write runs/digits/report.html
#   make run TASK=breast-cancer OUT=runs/bc ARGS="--epochs 20 --seeds 5"
#   make test            all tests, Keras on each of its engines, with coverage
#   make test-lowest     the same with the oldest dependencies that pyproject.toml allows
#   make lint            ruff, mypy, import-linter        make format   ruff's formatter and fixes
#   make docs            the documentation, in site/      make bench    the speed figures
#   make clean           removes what the others made, the environments too

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
TASK ?= digits
OUT ?= runs/$(TASK)
ARGS ?=
PYTEST_ARGS ?=
JOBS ?= 2

VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
ENGINES := tensorflow torch jax

RUN_EXTRAS := keras,report,tensorboard
TEST_EXTRAS := keras,lightning,optax,report,tensorboard,tensorflow,torch,transformers,dev

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export TF_CPP_MIN_LOG_LEVEL ?= 2
export NO_MKDOCS_2_WARNING := 1

.PHONY: help run test test-lowest lint format docs bench clean
help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -11

# --- set-up: one environment; a stamp per set of extras, so that a second call is quick ---------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Glidepath needs Python 3.11 or newer, got %d.%d: say make PYTHON=python3.12" % v[:2])'
	$(PYTHON) -m venv $(VENV)

# $(call install,EXTRAS): the package itself, editable, with these extras. Extras come in a variable:
# a comma written in the call would end the argument.
install = $(BIN)/python -m pip install -qq --constraint $(CONSTRAINTS) --editable '.[$(1)]' && touch $@
installed := pyproject.toml $(CONSTRAINTS) | $(BIN)/python

$(VENV)/.for-run: $(installed)
	@echo 'Installing what `make run` needs into $(VENV) (once) ...'
	@$(call install,$(RUN_EXTRAS))
$(VENV)/.for-test: $(installed)
	@echo 'Installing what the tests need into $(VENV) (once) ...'
	@$(call install,$(TEST_EXTRAS))
$(VENV)/.for-lint: $(installed)
	@echo 'Installing what `make lint` needs into $(VENV) (once) ...'
	@$(call install,dev)
$(VENV)/.for-docs: $(installed)
	@echo 'Installing what `make docs` needs into $(VENV) (once) ...'
	@$(call install,docs)

# --- the main job -------------------------------------------------------------------------------

run: $(VENV)/.for-run
	$(BIN)/glidepath tune $(TASK) --out $(OUT) $(ARGS)

# --- tests: Keras once per engine, each in a process of its own; what measures time, alone ------

pytest = COVERAGE_FILE=.coverage.$(1) $(BIN)/python -m pytest --hypothesis-profile=ci -o cache_dir=.pytest_cache/$(1) $(PYTEST_ARGS)
covered := --cov --cov-report=

.PHONY: test-unit test-engines test-speed coverage $(ENGINES:%=test-keras-%)
test: $(VENV)/.for-test
	@rm -f .coverage .coverage.*
	@status=0; $(MAKE) --keep-going test-unit test-engines test-speed || status=$$?; \
	  $(MAKE) coverage || status=$$?; exit $$status

test-unit: $(VENV)/.for-test
	$(call pytest,unit) -m "not keras and not speed" -n $(JOBS) $(covered)

test-engines: $(VENV)/.for-test
	@$(MAKE) --keep-going --jobs=$(JOBS) --output-sync=target $(ENGINES:%=test-keras-%)

$(ENGINES:%=test-keras-%): test-keras-%: $(VENV)/.for-test
	KERAS_BACKEND=$* $(call pytest,$*) -m "keras and not speed" $(covered)

test-speed: $(VENV)/.for-test
	$(call pytest,speed) -m speed

coverage:
	@$(BIN)/coverage combine --quiet .coverage.*
	@$(BIN)/coverage report

test-lowest:
	@$(MAKE) test VENV=.venv-lowest CONSTRAINTS=constraints-lowest.txt

# --- the rest -----------------------------------------------------------------------------------

lint: $(VENV)/.for-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/lint-imports

format: $(VENV)/.for-lint
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: $(VENV)/.for-docs
	$(BIN)/mkdocs build --strict --quiet
	@echo 'Built site/index.html'

bench: $(VENV)/.for-test
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

clean:
	rm -rf .venv .venv-lowest site build dist htmlcov .coverage .coverage.* \
	  .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
