# Two commands matter to a newcomer: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test sweep kill power nightly mutants check format lock bench clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(STAMP) ## create .venv with everything in it

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "welltimed needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another with: make PYTHON=python3.12 $(or $(MAKECMDGOALS),setup)" >&2; exit 1; }
	@test -w . || { echo "welltimed: this folder is read-only; clone it where you may write" >&2; exit 1; }
	@echo "Installing into $(VENV) (about a minute, once) ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "welltimed: '$(PYTHON) -m venv' failed; on Debian install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## four weeks of a made-up clinic, then the product on http://127.0.0.1:8000
	@$(BIN)/welltimed demo $(ARGS)

serve: setup ## API, pages and worker in one process on SQLite
	@$(BIN)/welltimed serve $(ARGS)

test: setup ## all tests
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

sweep: setup ## every zone over all its changes of clocks, and plans by the thousand; minutes
	@WELLTIMED_SWEEP=all $(BIN)/python -m pytest -n auto tests/engine/test_zone_sweep.py tests/engine/test_planning_properties.py $(ARGS)

kill: setup ## real workers killed and stopped at every step, and a storm; minutes
	@OMP_NUM_THREADS=1 PYTHONPATH=tests:. $(BIN)/python tests/kill $(ARGS)

power: setup ## power loss: what may be on the disk after it, at every sync; minutes, needs strace
	@OMP_NUM_THREADS=1 PYTHONPATH=tests:. $(BIN)/python tests/power $(ARGS)

nightly: setup ## 100,000 simulated patient-days with crashes, pauses and outages; a quarter of an hour
	@OMP_NUM_THREADS=1 WELLTIMED_NIGHTLY=all $(BIN)/python -m pytest -n auto --dist load tests/simulation/test_simulated_days.py $(ARGS)

mutants: setup ## mistakes planted in the product one at a time, and the test that catches each; minutes
	@$(BIN)/python tests/mutants $(ARGS)

check: setup ## format, lint, types, import rule, tests with coverage, docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest --cov $(ARGS)

format: setup ## put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## speed and memory, as ratios measured side by side
	@$(BIN)/python -m benchmarks

lock: ## renew requirements/*.txt (needs uv on the PATH)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q --upgrade pyproject.toml -o requirements/base.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q --upgrade --extra dev pyproject.toml -o requirements/dev.txt

clean: ## remove what was made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage htmlcov
