# Plain pip underneath: `pip install .` is all a user needs. These targets save typing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Two processes on two cores: one BLAS thread each, and what one compiles the other need not (tests/conftest.py says how).
TESTING := PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 JAX_COMPILATION_CACHE_DIR=$(VENV)/compiled JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0.1

.PHONY: help demo test long slow lint mutants newest bench benchmark-data docs clean

help:            ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

demo: $(VENV)/installed  ## the main job: how many groups are in the galaxy velocities?
	$(BIN)/singlearn select galaxies

test: $(VENV)/tested     ## style, types, and every test, doctest and documented page but those that take seconds each
	$(BIN)/ruff check src tests bench docs/building docs/conf.py
	$(BIN)/mypy
	$(TESTING) $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

long: $(VENV)/tested     ## the tests of seconds each, which make test leaves out: tests/long.txt
	$(TESTING) $(BIN)/python -m pytest -n 2 --dist loadfile -m long $(ARGS)

slow: $(VENV)/tested     ## the studies that are left out of make test: whole experiments against quadrature and exact posteriors
	$(TESTING) $(BIN)/python -m pytest -n 2 --dist loadfile -m slow $(ARGS)

lint: $(VENV)/tested     ## style and types only
	$(BIN)/ruff check src tests bench docs/building docs/conf.py
	$(BIN)/mypy

mutants: $(VENV)/tested  ## break one line at a time, and see whether its tests notice: make mutants ARGS='--sample 5'
	$(TESTING) $(BIN)/python -m tests.mutants $(ARGS)

newest:          ## the suite on Python 3.11 and 3.13 with the newest release of everything
	@for version in 3.11 3.13; do \
	  python=""; \
	  for place in python$$version $$HOME/.pyenv/versions/$$version.*/bin/python$$version; do \
	    if $$place -c '' 2>/dev/null; then python=$$place; break; fi; \
	  done; \
	  if [ -z "$$python" ]; then echo "newest: SKIPPED, there is no Python $$version here"; continue; fi; \
	  venv=$(VENV)-newest-$$version; \
	  echo "newest: Python $$version in $$venv"; \
	  $$python -m venv $$venv && \
	  $$venv/bin/python -m pip install --quiet --upgrade pip && \
	  $$venv/bin/python -c "$$NEWEST" > $$venv/newest.txt && \
	  $$venv/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable . -r $$venv/newest.txt && \
	  $(TESTING) $$venv/bin/python -m pytest -n 2 --dist loadfile $(ARGS) || exit 1; \
	done

# What the tests need, without the pin that keeps the build of PyTorch.
define NEWEST
import tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
print("\n".join(need.split("==")[0] for need in extras["test"]))
endef
export NEWEST

bench: $(VENV)/installed ## compare with a rival: make bench rival=numpyro | pyro | scaling | throughput | symmetry
	$(BIN)/python bench/run.py $(rival)

benchmark-data: $(VENV)/installed ## the problems of singlearn benchmark as one archive, for those without this package
	$(BIN)/singlearn benchmark data singlearn-benchmark.zip

docs: $(VENV)/documented ## these pages and every docstring as a site that opens from a folder: docs/_build/html/index.html
	$(BIN)/python -m sphinx -W -n --keep-going -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

clean:           ## forget the virtual environment
	rm -rf $(VENV) $(VENV)-newest-*

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/tested: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/installed

$(VENV)/documented: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@ $(VENV)/installed
