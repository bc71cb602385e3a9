# Each target does all of its own set-up: after a clone, `make demo` or `make test` is the only command to run.
SHELL := /bin/sh
unexport PYTHONDONTWRITEBYTECODE # images set it; dozens of processes would compile Torch and Feast anew, for seconds each
BIN := .venv/bin
DATA := $(or $(TRENDDROP_REAL_DATA),../shared/data)
REAL := var/demo-real
JOBS := $(abspath $(or $(TRENDDROP_HOME),var))/dagster
.DEFAULT_GOAL := help
.PHONY: help setup fmt check test notebooks docs bench demo demo-real serve jobs lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/.set-up: requirements.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh

setup: .venv/.set-up ## build .venv from requirements.lock

fmt: setup ## format and mend what can be mended
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

check: setup ## ruff, mypy, import layers, lock file in step
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@scripts/lock.sh --check

test: setup ## every test; those on real data skip where the data are absent
	@$(BIN)/python -m pytest -p no:nbmake -n 2 --dist worksteal

notebooks: setup ## execute the notebooks on tiny data
	@$(BIN)/python -m pytest --nbmake --nbmake-timeout=600 --no-header -q -n 2 notebooks

docs: setup ## write docs/features.md from the definitions
	@$(BIN)/trenddrop features docs

bench: setup ## measure against peers on the same work
	@$(BIN)/trenddrop bench all

demo: setup ## two simulated weeks, from raw records to predictions, matches, metadata and a report
	@$(BIN)/trenddrop demo --home var/demo

demo-real: setup ## the same on the Weibo hot-search lists
	@$(BIN)/trenddrop demo --home $(REAL) --source weibo_hot_search --input $(DATA)/weibo_hot_search/*.jsonl.zst

serve: setup ## the scoring endpoint on http://127.0.0.1:8000
	@$(BIN)/trenddrop serve

jobs: setup ## the scheduler's page on http://127.0.0.1:3000
	@mkdir -p "$(JOBS)" && { test -f "$(JOBS)/dagster.yaml" || cp configs/dagster.yaml "$(JOBS)"; }
	@DAGSTER_HOME="$(JOBS)" $(BIN)/dagster dev --module-name pipelines.definitions --host 127.0.0.1 --port $(or $(PORT),3000)

lock: setup ## write requirements.lock from pyproject.toml
	@scripts/lock.sh

clean: ## remove what the targets made
	@rm -rf .venv var build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
