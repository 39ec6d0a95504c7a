# `make demo` and `make test` set themselves up: a venv in .venv, renewed when what it needs changes.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
DEMO := work_dirs/demo
SEEDS ?= 0
JOBS ?= 2

.PHONY: help install demo test lint format

help:
	@echo 'make install   set up $(VENV)'
	@echo 'make demo      make the street scenes, train and compare the methods on them'
	@echo 'make test      ruff and the test suite'
	@echo 'make format    format the code'

install: $(INSTALLED)

$(INSTALLED): requirements.txt pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(INSTALLED)

demo: install
	$(BIN)/python tools/make_street_scenes.py data/street_scenes
	$(BIN)/python tools/compare.py \
		configs/source_only/source-only_deeplabv2-tiny_street-scenes.py \
		configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py \
		--seeds $(SEEDS) --jobs $(JOBS) --work-dir $(DEMO)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/python -m pytest
