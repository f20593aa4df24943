# Two commands matter: `make discover` runs a discovery campaign from nothing, `make test` runs every check.
# Each does all its own set-up and skips what is done.

SHELL := /bin/bash
PYTHON_DIR := Sources/Trainer/python
TESTS_PYTHON := Tests/TrainerPythonTests
VENV := .venv
SERVERS := .venv-servers
RELEASE := .build/release
PYTHON_FILES := $(PYTHON_DIR)/losslab_trainer $(TESTS_PYTHON) Tests/Fixtures/chat Tests/Fixtures/model_server Tests/Fixtures/recorded_judge losses evaluation/microbench/builder
export PYTHONPATH := $(CURDIR)/$(PYTHON_DIR):$(CURDIR)/evaluation/microbench
export OMP_NUM_THREADS := 1

.PHONY: help setup release discover real-models test test-quick test-swift test-python lint bench format clean

help:
	@echo "make discover   set up everything and run the quickstart discovery campaign"
	@echo "make test       set up everything and run all tests, linters and type checks"
	@echo "make test-quick run the tests that need no torch (under a minute after the build)"
	@echo "make bench      measure speed ratios side by side"
	@echo "make real-models DATA=FOLDER   rerun a loss on two real language models with your pairs (hours on two cores)"
	@echo "make format     format Swift and Python sources"
	@echo "make clean      remove build products (not .venv, not runs)"

setup: $(VENV)/.complete

$(VENV)/.complete: $(PYTHON_DIR)/requirements.txt .ci/setup-apt .ci/setup-python
	@.ci/setup-apt
	@.ci/setup-python $(VENV) $(PYTHON_DIR)/requirements.txt
	@touch $@

$(VENV)/.complete-dev: $(VENV)/.complete $(PYTHON_DIR)/requirements-dev.txt
	@.ci/setup-python $(VENV) $(PYTHON_DIR)/requirements-dev.txt
	@touch $@

# LiteLLM's proxy and `transformers serve`, which the chat client's tests talk to.
$(SERVERS)/.complete: $(VENV)/.complete-dev $(PYTHON_DIR)/requirements-servers.txt .ci/setup-servers
	@.ci/setup-servers $(SERVERS) $(VENV) $(PYTHON_DIR)/requirements-servers.txt
	@touch $@

release: setup
	@swift build -c release --product losslab
	@swift build -c release --product losslab-worker

discover: release
	@$(RELEASE)/losslab campaign run runs/quickstart.yaml --resume

# A real model on demand: two language models without the Hub, LoRA, 300 of the user's pairs of which a quarter is held out.
# What is finished is kept, so that a run that was cut off goes on. The table of RealModels.md comes from here.
DATA ?= ../shared/data/preferences/hh_rlhf_harmless_test
RERUN_REAL = $(RELEASE)/losslab loss rerun lrml --against dpo --dataset $(DATA) --split train --limit 300 \
	--held-out-share 0.25 --max-length 256 --lora 8 --beta 0.05

real-models: release
	$(RELEASE)/losslab model unpack smollm2-135m -o .cache/real-models/smollm2-135m
	$(RERUN_REAL) --model .cache/real-models/smollm2-135m --lr 1e-4,5e-4 --seeds 1,2
	$(RELEASE)/losslab model unpack qwen2.5-coder-0.5b -o .cache/real-models/qwen2.5-coder-0.5b
	$(RERUN_REAL) --model .cache/real-models/qwen2.5-coder-0.5b --lr 2e-4 --seeds 1

test: lint test-swift test-python

test-swift: setup $(SERVERS)/.complete
	swift build --build-tests
	@# End-to-end tests wait for whole programs and hold threads that tests with a clock need; so each kind runs alone.
	swift test --skip-build --skip EndToEndTests --skip ChatClientTests
	swift test --skip-build --filter ChatClientTests
	swift test --skip-build --filter EndToEndTests

# What needs no torch, network or GPU: for between two edits. Under a minute once it is built.
test-quick:
	swift build --build-tests
	swift test --skip-build --skip EndToEndTests --skip ChatClientTests --skip TrainerTests --skip LaboratoryTests

test-python: $(VENV)/.complete-dev
	swift build --product losslab-worker
	LOSSLAB_WORKER=$(CURDIR)/.build/debug/losslab-worker $(VENV)/bin/python -m pytest -q --config-file $(PYTHON_DIR)/pyproject.toml --rootdir . $(TESTS_PYTHON)

lint: $(VENV)/.complete-dev
	swift format lint --strict --recursive Package.swift Sources Tests
	$(VENV)/bin/ruff format --config $(PYTHON_DIR)/pyproject.toml --check $(PYTHON_FILES)
	$(VENV)/bin/ruff check --config $(PYTHON_DIR)/pyproject.toml $(PYTHON_FILES)
	$(VENV)/bin/mypy --config-file $(PYTHON_DIR)/pyproject.toml $(PYTHON_DIR)/losslab_trainer evaluation/microbench/builder
	$(VENV)/bin/mypy --config-file $(PYTHON_DIR)/pyproject.toml $(TESTS_PYTHON)
	$(VENV)/bin/mypy --config-file $(PYTHON_DIR)/pyproject.toml Tests/Fixtures/chat
	$(VENV)/bin/mypy --config-file $(PYTHON_DIR)/pyproject.toml Tests/Fixtures/model_server
	$(VENV)/bin/mypy --config-file $(PYTHON_DIR)/pyproject.toml Tests/Fixtures/recorded_judge

bench: release $(VENV)/.complete-dev $(SERVERS)/.complete
	$(RELEASE)/losslab system bench
	$(VENV)/bin/python -m losslab_trainer.bench.step_cost --worker $(RELEASE)/losslab-worker
	$(VENV)/bin/python -m losslab_trainer.bench.against_trl --worker $(RELEASE)/losslab-worker
	$(VENV)/bin/python -m losslab_trainer.bench.finetune_against_trl --worker $(RELEASE)/losslab-worker
	$(SERVERS)/bin/python -m losslab_trainer.bench.chat_throughput --losslab $(RELEASE)/losslab

format: $(VENV)/.complete-dev
	swift format --in-place --recursive Package.swift Sources Tests
	$(VENV)/bin/ruff check --config $(PYTHON_DIR)/pyproject.toml --fix --quiet $(PYTHON_FILES)
	$(VENV)/bin/ruff format --config $(PYTHON_DIR)/pyproject.toml $(PYTHON_FILES)

clean:
	rm -rf .build .cache .mypy_cache .ruff_cache .pytest_cache
