# One door to everything: `make run` shows it, `make test` proves it.
PYTHON ?= python3
BIN := .venv/bin
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: setup run test coverage check fix faults bench golden dictionary lock clean

run: setup  ## the main job, end to end and offline, on the sample hub
	@$(BIN)/wirehouse demo

test: setup  ## all tests, side by side
	@$(BIN)/pytest $(SIDE_BY_SIDE)

coverage: setup  ## the same, and the branches that no test takes (half as long again)
	@$(BIN)/pytest $(SIDE_BY_SIDE) --cov --cov-report=term

setup: .venv/ready  ## the environment alone

check: setup  ## lint, format, types
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary

fix: setup  ## mend what lint and format can mend
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

faults: setup  ## kill, fill and break it, at length
	@$(BIN)/pytest tests/faults -m "faults or not faults"

bench: setup  ## speed, as ratios against named peers
	@$(BIN)/python -m tests.benchmarks

golden: setup  ## accept today's tables of the sample as the golden ones
	@ACCEPT_GOLDEN=1 $(BIN)/pytest --quiet --no-header tests/test_golden.py

dictionary: setup  ## write docs/data-dictionary.md from the comments in the file
	@ACCEPT_DICTIONARY=1 $(BIN)/pytest --quiet --no-header tests/test_dictionary.py

lock: setup  ## resolve the dependencies anew; the files name no package index
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-annotate \
		--extra dev pyproject.toml --output-file requirements.lock
	@grep '^uv==' requirements.lock | cut -d' ' -f1 | $(BIN)/uv pip compile --quiet \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header - --output-file bootstrap.lock

clean:  ## the environment and all that tools left; not your data
	@rm -rf .venv .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

.venv/ready: requirements.lock bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Building the environment in .venv (a minute, once)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r bootstrap.lock
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q flows tasks
	@touch $@
