# The whole set-up: `make demo` trains and shows, `make test` checks. Everything lands in .venv and runs/, but for
# Debian's chromium, which `make test` installs when it is root and the browser is missing.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Every pip call is constrained, or a newer torch with gigabytes of CUDA packages comes in.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

.PHONY: help env dev demo test check messages bench drill study presets browser clean

help:
	@echo "make demo    environment, then two minutes of training on real handwritten digits: a grid, curves, a report"
	@echo "make test    every test"
	@echo "make check   format, lint, types and every test"
	@echo "make messages  what the report says, from the source into the catalogue of translations, and compiled"
	@echo "make bench   speed and memory on this machine, into benchmarks/results/"
	@echo "make drill   kills, signals, damaged files, full disks: how often gradpen does as promised (some ten minutes)"
	@echo "make study   the papers' experiments at the small scale, into runs/studies (some two hours of 2 cores)"
	@echo "make presets every preset, reduced, three seeds each, judged by numbers, into runs/presets (some four hours)"
	@echo "make env     the environment alone, in .venv"

env: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "gradpen needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "making the environment in .venv (a few minutes where PyTorch must be downloaded)"
	@$(PYTHON) -m venv .venv
	@$(PIP) torch
	@$(PIP) --editable .
	@touch $@

dev: .venv/ready-dev

.venv/ready-dev: .venv/ready
	@$(PIP) --editable '.[dev]'
	@touch $@

demo: env
	$(BIN)/gradpen train --minutes 2

# Debian's chromium shows the report page to the tests that look at it; without it they are skipped.
browser:
	@command -v chromium >/dev/null || echo "looking for chromium, to test the report in a real browser"
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium >/dev/null; } || \
		echo "chromium is not installed: the tests of the page will be skipped"

test: dev browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

check: dev browser
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

LOCALE := src/gradpen/locale
KOREAN := $(LOCALE)/ko/LC_MESSAGES/gradpen

messages: dev
	$(BIN)/pybabel --quiet extract --no-default-keywords --keywords said --keywords marked --keywords worded \
		--omit-header --sort-by-file --add-location file --width 120 --output-file $(LOCALE)/gradpen.pot src/gradpen
	$(BIN)/pybabel --quiet update --domain gradpen --locale ko --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date \
		--width 120 --input-file $(LOCALE)/gradpen.pot --output-file $(KOREAN).po
	$(BIN)/pybabel --quiet compile --input-file $(KOREAN).po --output-file $(KOREAN).mo

bench: env
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/whole.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/memory.py

drill: env
	$(BIN)/python studies/drills.py

study: env
	$(BIN)/gradpen study all --out runs/studies

presets: env
	$(BIN)/python studies/presets.py --out runs/presets

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis
