# Each target makes .venv if it is not there and installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := python -m pip install --quiet --disable-pip-version-check
INSTALL := $(BIN)/$(PIP) --constraint constraints.txt
# Two torch threads beside another busy process can be many times slower than one.
ONE_THREAD := OMP_NUM_THREADS=1
WITH_CHECKOUT := $(ONE_THREAD) PYTHONPATH=$(CURDIR)$(if $(PYTHONPATH),:$(PYTHONPATH))
# Where letter.csv.xz, adult.csv.xz and california.csv.xz lie.
DATA ?= ../shared/data
# A Python that has all of it, for a machine without a network: make gpu GPU_PYTHON=python3
GPU_PYTHON ?= $(BIN)/python
GPU_NEEDS := $(if $(filter $(BIN)/python,$(GPU_PYTHON)),$(VENV)/.test $(VENV)/.bench)
DEFINITIONS := pyproject.toml constraints.txt
# An environment of its own, with the oldest libraries that pyproject.toml allows.
OLDEST := .venv-oldest

.DEFAULT_GOAL := help
.PHONY: help blobs test test-fast test-oldest mutants lint format docs bench gpu clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

blobs: $(VENV)/.installed  ## Run the blobs tutorial: prints its table, writes its figure
	$(ONE_THREAD) $(BIN)/python examples/blobs_tutorial.py

test: $(VENV)/.test  ## Run every test, doctests and examples included
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist worksteal

test-fast: $(VENV)/.test  ## Run the tests that take less than a second each
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 -m "not slow"

test-oldest: $(OLDEST)/.test  ## Run every test with the oldest libraries that are allowed
	$(ONE_THREAD) $(OLDEST)/bin/python -m pytest -n 2 --dist worksteal

mutants: $(VENV)/.test  ## Put faults into the code one at a time, and see which tests notice
	$(ONE_THREAD) $(BIN)/python mutants/run.py

lint: $(VENV)/.lint  ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.lint  ## Format the code, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.docs  ## Build the documentation; warnings and broken links are errors
	$(ONE_THREAD) $(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	$(BIN)/python docs/check_links.py docs/_build/html
	@echo "Open docs/_build/html/index.html"

bench: $(VENV)/.bench  ## Measure speed and defaults; writes benchmarks/results/
	$(ONE_THREAD) $(BIN)/python benchmarks/speed.py
	$(ONE_THREAD) $(BIN)/python benchmarks/search.py --path $(DATA)
	$(ONE_THREAD) $(BIN)/python benchmarks/defaults.py --data $(DATA)
	for seed in 0 1 2 3 4 5 6 7; do echo seed $$seed; $(ONE_THREAD) $(BIN)/python \
		examples/letter_recognition.py --seed $$seed $(DATA)/letter.csv.xz; done \
		> benchmarks/results/letter.txt
	(echo 24 epochs, seed 0; $(ONE_THREAD) $(BIN)/python examples/letter_recognition.py \
		--epochs 24 $(DATA)/letter.csv.xz) >> benchmarks/results/letter.txt
	$(ONE_THREAD) $(BIN)/python examples/blobs_tutorial.py --figure $(VENV)/blobs.png \
		| grep -v ^Figure: > benchmarks/results/blobs.txt
	$(ONE_THREAD) $(BIN)/python examples/fine_tuning.py --seeds 8 \
		> benchmarks/results/fine_tuning.txt
	$(ONE_THREAD) $(BIN)/python benchmarks/paper_figures.py --data $(DATA)

gpu: $(GPU_NEEDS)  ## Run the tests that need a GPU, then measure; writes benchmarks/results/gpu/
	@$(WITH_CHECKOUT) $(GPU_PYTHON) benchmarks/gpu.py --check
	$(WITH_CHECKOUT) $(GPU_PYTHON) -m pytest -q -m gpu tests -p no:cacheprovider -p no:benchmark \
		--continue-on-collection-errors; status=$$?; \
	$(WITH_CHECKOUT) $(GPU_PYTHON) benchmarks/gpu.py \
		$(addprefix --data ,$(wildcard $(DATA)/cifar10-jpeg.tar.xz)) && exit $$status

clean:  ## Remove the environment and what was built
	rm -rf $(VENV) $(OLDEST) build dist
	rm -rf docs/_build docs/figures docs/examples docs/api/generated

$(VENV)/.created:
	$(PYTHON) -m venv $(VENV)
	# Dependency groups need pip 25.1.
	$(BIN)/$(PIP) --upgrade pip
	@touch $@

$(OLDEST)/.test: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/$(PIP) --upgrade pip
	$(OLDEST)/bin/$(PIP) --constraint constraints-oldest.txt --editable ".[all]" --group test
	@touch $@

$(VENV)/.installed: $(VENV)/.created $(DEFINITIONS)
	$(INSTALL) --editable ".[all]"
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.docs $(VENV)/.bench: $(VENV)/.%: $(VENV)/.installed
	$(INSTALL) --group $*
	@touch $@
