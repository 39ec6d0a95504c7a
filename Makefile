# `make demo` and `make test` set themselves up: a venv in .venv, updated when what it needs changes.
# A .venv that was made otherwise is used if it has all that is needed, and never changed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
SEEDS ?= 0
JOBS ?= 2
DEMO_CONFIGS := \
	configs/source_only/source-only_deeplabv2-tiny_street-scenes.py \
	configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py \
	configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py \
	configs/dacs/dacs-gl_deeplabv2-tiny_street-scenes.py
SMOKE := data/street_scenes_64x128

.PHONY: help install demo smoke test test-all docs-check tables torture fuzz fidelity lint format

help:
	@echo 'make install   set up $(VENV)'
	@echo 'make demo      make the street scenes, train and compare the methods on them'
	@echo 'make smoke     the same, smaller: a few minutes'
	@echo 'make test      ruff and the test suite without its slow tests'
	@echo 'make test-all  ruff and the whole test suite, as in continuous integration'
	@echo "make docs-check  run the documentation's commands in small: some minutes"
	@echo 'make tables    write the tables of the documentation from the logs in docs/logs'
	@echo 'make torture   kill training at random moments, 20 times: a few minutes'
	@echo 'make fuzz      damaged files for all tools, for ten minutes'
	@echo 'make fidelity  compare the training steps with straight-line ones: a few minutes'
	@echo 'make format    format the code'

install: $(INSTALLED)

PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet

$(INSTALLED): requirements.txt pyproject.toml
	@if [ ! -e $(VENV) ]; then mkdir $(VENV) && touch -t 200001010000 $(INSTALLED); fi
	@if [ -e $(INSTALLED) ]; then \
		set -ex; \
		$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV); \
		$(PIP_INSTALL) --requirement requirements.txt; \
		$(PIP_INSTALL) --no-deps --editable .; \
		touch $(INSTALLED); \
	elif ! $(PIP_INSTALL) --dry-run --no-index --requirement requirements.txt 2>/dev/null || \
			! $(BIN)/python -m pip show --quiet mmseg-gl; then \
		echo 'error: $(VENV) lacks what requirements.txt lists, and make did not make it; follow' \
			'"Install" in README.md, move it away, or use another folder: make VENV=DIR'; \
		exit 2; \
	fi

demo: install
	$(BIN)/python tools/make_street_scenes.py data/street_scenes
	$(BIN)/python tools/compare.py $(DEMO_CONFIGS) --seeds $(SEEDS) --jobs $(JOBS) \
		--work-dir work_dirs/demo

smoke: install
	$(BIN)/python tools/make_street_scenes.py $(SMOKE) --size 64x128 --train 200 --val 60
	STREET_SCENES=$(SMOKE) $(BIN)/python tools/compare.py $(DEMO_CONFIGS) \
		--seeds $(SEEDS) --jobs $(JOBS) --work-dir work_dirs/smoke --cfg-options \
		val_dataloader.dataset.pipeline.1.scale='(128,64)' \
		train_cfg.max_iters=350 train_cfg.val_interval=175 param_scheduler.0.end=351

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 -m 'not slow'

test-all: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

docs-check: install
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.docs_check --run

tables: install
	$(BIN)/python -m tests.tables

torture: install
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.torture --kills 20

fuzz: install
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --minutes 10

fidelity: install
	$(BIN)/python -m tests.fidelity
