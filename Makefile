# Every command of this project. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
STAMP := $(VENV)/.ready
# Tests that run at once: one more than cores, since many wait for processes that start, and no more
# than memory for Ray's processes allows.
WORKERS ?= $(shell cores=$$(nproc); echo $$((cores > 3 ? 4 : cores + 1)))
PYTEST := $(BIN)/python -m pytest -q
BESIDE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=10
# A package index to take PyTorch from, such as one with builds for machines without a GPU.
TORCH_INDEX ?=

# Bytecode is kept, whatever the environment says: without it every process that a test starts
# compiles the packages anew, which takes seconds.
unexport PYTHONDONTWRITEBYTECODE

# The newest versions, also of the libraries that pyproject.toml holds to a minor version, but for
# PyTorch's, whose builds are large.
NEWEST := build/newest

.PHONY: help setup quickstart test test-fast test-slow test-gpu test-newest check format docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv and install the pinned set into it

# The clone's own path is part of the stamp: a folder that was moved or copied is set up again,
# since a virtual environment's scripts hold absolute paths.
$(STAMP): pyproject.toml constraints.txt
	@if [ "$$(cat $(VENV)/.path 2>/dev/null)" != "$(CURDIR)" ]; then rm -rf $(VENV); $(PYTHON) -m venv $(VENV); fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -e '.[dev]'
	@echo "$(CURDIR)" > $(VENV)/.path
	@touch $(STAMP)

quickstart: setup ## set up and run the example campaign (minutes)
	$(BIN)/ventral submit examples/quickstart.yaml --new

test: setup check ## set up and pass linters, type checker, import contract and tests
	$(PYTEST) $(BESIDE)

test-fast: setup ## the pure tests, in under a minute: no Ray, no processes, nothing long
	$(PYTEST) $(BESIDE) -m 'not slow and not process and not long'

test-slow: setup ## the tests that take minutes each, one after the other
	$(PYTEST) -m slow --hypothesis-profile thorough

# One JSON, also where a part failed. Without a GPU the CPU stands in: PATIENCE times the seconds.
PATIENCE ?= 1

test-gpu: setup ## the tests and measurements that need a GPU: one JSON in eight minutes
	@mkdir -p build
	$(BIN)/python -m benchmarks.gpu --patience $(PATIENCE) | tee build/gpu.json; exit $${PIPESTATUS[0]}

test-newest: ## what uses private names of Ray, Optuna and HyperOpt, with their newest versions
	@test -d $(NEWEST) || $(PYTHON) -m venv $(NEWEST)
	@grep '^torch==' constraints.txt > $(NEWEST)/torch.txt
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade \
		--upgrade-strategy eager -c $(NEWEST)/torch.txt \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -e '.[dev]'
	@# pip says that pyproject.toml holds them back, which is why they are tried here.
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade \
		-c $(NEWEST)/torch.txt 'ray[tune]' optuna hyperopt
	@$(NEWEST)/bin/python -m pip freeze | grep -iE '^(ray|optuna|hyperopt|mlflow)=='
	VENTRAL_UNTESTED=1 $(NEWEST)/bin/python -m pytest -q $(BESIDE) $$($(NEWEST)/bin/python -m tests.test_private_names)

check: setup ## linters, type checker, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup ## build the documentation site into build/site, strictly and offline
	$(BIN)/sphinx-build -q -W -b html docs build/site
	@echo "build/site/index.html"

clean: ## remove what the targets made (campaigns in .ventral stay)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
