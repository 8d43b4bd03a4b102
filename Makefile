# The commands of the README. Everything is installed into .venv; the stamps make a second run instant and offline.

# The first Python that is new enough; choose another with: make PYTHON=/path/to/python …
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$each"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
LOCKED := --constraint constraints.txt
CLIENTS := tests/acceptance/node
EMOJI_FONT := /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf
# A server that the tests start by themselves, where they are not given one
POSTGRES := $(GESSO_TEST_POSTGRES_URL)$(shell command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null)

# Tests run in several processes, a file's tests in one; in one process with: make test SPREAD=
SPREAD ?= --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# More for a run under faults: make faults FAULTS="--seed 7 --json"
FAULTS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo run test test-all faults soak check docs bench sheets evaluate goldens lock clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 12

# --- Installing -------------------------------------------------------------------------------------------------

$(STAMPS)/venv:
	@test -n "$(PYTHON)" || { echo "Gesso needs Python 3.11 or newer. Say where it is: make PYTHON=/path/to/python3.11 demo"; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/core: $(STAMPS)/venv pyproject.toml constraints.txt
	@echo "Installing Gesso into $(VENV)"
	@$(PIP) install $(LOCKED) pip
	@$(PIP) install $(LOCKED) --editable .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/core
	@echo "Installing the development tools into $(VENV)"
	@$(PIP) install $(LOCKED) --group dev
	@touch $@

$(STAMPS)/all: $(STAMPS)/dev
	@echo "Installing what test-all adds (torch and diffusers, the emoji font, HEIC, PostgreSQL) into $(VENV)"
	@$(PIP) install $(LOCKED) --editable '.[diffusers,heic,postgres,training]'
	@test -e $(EMOJI_FONT) || { test "$$(id -u)" = 0 && apt-get -qq update && apt-get -qq install -y fonts-noto-color-emoji; } \
		|| { echo "The training tests need Noto Color Emoji: apt-get install fonts-noto-color-emoji"; exit 1; }
	@test -n "$(POSTGRES)" || { test "$$(id -u)" = 0 && apt-get -qq update && apt-get -qq install -y postgresql; } \
		|| { echo "The database tests need PostgreSQL: apt-get install postgresql, or set GESSO_TEST_POSTGRES_URL"; exit 1; }
	@touch $@

$(STAMPS)/node: $(STAMPS)/venv $(CLIENTS)/package.json $(CLIENTS)/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null \
		|| { test "$$(id -u)" = 0 && apt-get -qq update && apt-get -qq install -y nodejs npm; } \
		|| { echo "The tests of vendors' JavaScript clients need Node 18 or newer: apt-get install nodejs npm, or https://nodejs.org"; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' \
		|| { echo "The tests of vendors' JavaScript clients need Node 18 or newer; this is $$(node --version): https://nodejs.org"; exit 1; }
	@echo "Installing the JavaScript clients of the tests into $(CLIENTS)/node_modules"
	@npm ci --prefix $(CLIENTS) --no-audit --no-fund --loglevel=error
	@touch $@

install: $(STAMPS)/core  ## Install Gesso into .venv

# --- Using ------------------------------------------------------------------------------------------------------

demo: $(STAMPS)/core  ## Start a server, edit a photo and generate a picture over HTTP, stop; pictures in out/
	@$(BIN)/python examples/demo.py

run: $(STAMPS)/core  ## Start the server and leave it running
	@exec $(BIN)/gesso serve

# --- Checking ---------------------------------------------------------------------------------------------------

test: $(STAMPS)/dev  ## Run the tests that need nothing but PyPI packages
	@$(BIN)/python -m pytest $(SPREAD)

test-all: $(STAMPS)/all $(STAMPS)/node  ## Run every test; a skipped one is a failure
	@$(BIN)/python tests/twice.py $(SPREAD) --fail-on-skip

faults: $(STAMPS)/all  ## Try to break a fleet: 1,000 jobs under faults, 15 minutes at most, and the checker over it
	@$(BIN)/python tests/faults/run.py --jobs 1000 --minutes 15 $(FAULTS)

soak: $(STAMPS)/all  ## The same with 10,000 jobs and a fault every 12 seconds, in an hour at most
	@$(BIN)/python tests/faults/run.py --jobs 10000 --minutes 60 --every 12 $(FAULTS)

check: $(STAMPS)/dev  ## Formatting, lint, types, import contracts, documentation
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest --quiet tests/test_docs.py

docs: $(STAMPS)/core  ## Write the generated reference pages again
	@$(BIN)/python docs/generate.py

bench: $(STAMPS)/dev  ## Measure overhead and the built-in engine; results in benchmarks/results/
	@$(BIN)/python benchmarks/overhead.py
	@$(BIN)/python benchmarks/builtin.py

sheets: $(STAMPS)/core  ## Draw the contact sheets of docs/builtin-model.md again
	@$(BIN)/python training/sheets.py

evaluate: $(STAMPS)/all  ## Measure what the built-in model can do: training/evaluation.md and the sheets of what was judged
	@$(BIN)/python training/evaluate.py

goldens: $(STAMPS)/core  ## Draw the golden pictures of tests/golden again; look at each before it is committed
	@$(BIN)/python tests/golden/golden_pictures.py

lock: $(STAMPS)/all  ## Write constraints.txt again from what is installed
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip list --format=freeze --exclude-editable | sed 's/+cpu$$//'; } > .constraints.new
	@mv .constraints.new constraints.txt

clean:  ## Remove what was installed and made, except data/
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache $(CLIENTS)/node_modules
