# Everything starts here, and needs only Python >= 3.11 and make.
#   make demo              the whole thing running on this machine (ARGS=--once ends after printing)
#   make test              every test, against a real MongoDB
.DEFAULT_GOAL := help
.PHONY: help demo test check unit bench golden format clean

ARGS ?=
PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3 python,\
  $(shell $(p) -c 'import sys; print("$(p)") if (3, 11) <= sys.version_info[:2] <= (3, 13) else None' 2>/dev/null | grep -v None)))
POETRY := .tools/bin/poetry
# Poetry cannot read an index that serves only HTML pages; the plugin can, and takes whatever index pip uses.
POETRY_ENV = POETRY_VIRTUALENVS_IN_PROJECT=true POETRY_VIRTUALENVS_USE_POETRY_PYTHON=true POETRY_NO_INTERACTION=1 \
  POETRY_PYPI_MIRROR_URL="$$(.tools/bin/python -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)')"
RUN := .venv/bin/

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(POETRY):
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed and none was found; install one, or say PYTHON=/path/to/python3." >&2; exit 1; }
	@echo "Preparing Poetry in .tools …"
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check poetry==2.5.1 poetry-plugin-pypi-mirror==0.6.5 2>.tools/pip.log \
	  || { cat .tools/pip.log >&2; rm -rf .tools; exit 1; }

# One stamp for each set of packages, so that a second run installs nothing and starts at once.
.venv/.ready-%: pyproject.toml poetry.lock | $(POETRY)
	@echo "Installing packages into .venv …"
	@$(POETRY_ENV) $(POETRY) install --no-ansi $(INSTALL_$*) >.tools/install.log 2>&1 || { cat .tools/install.log >&2; exit 1; }
	@touch $@
INSTALL_demo := --only main --extras embedded
INSTALL_dev := --extras embedded
INSTALL_bench := --extras embedded --with bench

demo: .venv/.ready-demo  ## start everything, connect, import, print, keep running
	@$(RUN)openfinance demo $(ARGS)

test: .venv/.ready-dev  ## every test, with a real mongod and real HTTP
	@$(RUN)pytest -n auto --dist loadgroup $(ARGS)

# The ignored file reads the whole OpenAPI when it is collected, and has nothing that runs without a server.
unit: .venv/.ready-dev  ## only what needs no server, in seconds
	@$(RUN)pytest -m unit -n auto --ignore tests/backend/api/core/test_schema.py $(ARGS)

check: .venv/.ready-dev  ## style, types, arrows, and a fresh openapi.json
	@$(RUN)ruff check .
	@$(RUN)ruff format --check .
	@$(RUN)mypy
	@$(RUN)lint-imports --no-cache
	@$(RUN)openfinance openapi --check

format: .venv/.ready-dev  ## mend style
	@$(RUN)ruff format .
	@$(RUN)ruff check --fix .

golden: .venv/.ready-dev  ## write openapi.json and the expected results anew, to be read in git diff
	@$(RUN)openfinance openapi
	@GOLDEN=write $(RUN)pytest -q tests/contracts/test_every_bank.py

bench: .venv/.ready-bench  ## measure ratios against peers and the raw driver (ARGS=--full for the long one)
	@$(RUN)python -m benchmarks $(ARGS)

clean:  ## stop the embedded MongoDB and delete all that was made here
	@test ! -x $(RUN)openfinance || $(RUN)openfinance db stop
	@rm -rf .venv .tools .openfinance
