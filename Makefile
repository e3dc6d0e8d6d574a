# The only definition of each check: pre-commit, the workflows and .ci/run call these targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
DATA_DIR ?= .
HOST ?= 127.0.0.1
PORT ?= 7860
STUBS ?= build/stubs
ARGS ?=
FUZZ_SECONDS ?= 600
WORKERS ?= 3
RECORDED := ../shared/recorded

# One thread a process: with two, spinning OpenMP workers make small models slower, and pictures stay comparable.
TEST_ENV := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 HF_HUB_OFFLINE=1
TESTS := tests contracts/golden
# In WORKERS processes, in the order of collection: what takes long comes first. How: tests/conftest.py.
WHOLE := $(TESTS) -n $(WORKERS) --no-loadscope-reorder --cov --cov-report=term:skip-covered
UPSCALE := spandrel==0.4.2 torchvision==0.28.0 einops==0.8.2 opencv-python-headless==4.14.0.94
DRAW := $(BIN)/serena txt2img --backend torch --data-dir "$(DATA_DIR)" --width 128 --height 128 --steps 20

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(STAMP) ## make .venv with the extras torch, postgres and dev, from constraints.txt; at once when it is there

$(STAMP): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Serena needs Python 3.11 to 3.13; this is " + sys.version.split()[0] + ". Name another one: make setup PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (a minute or two, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[torch,postgres,dev]'
	@touch $@

.PHONY: demo
demo: setup ## draw two pictures with the built-in model, into outputs/
	@$(DRAW) --seed 7 "a red circle on a blue background" "sunset over mountains"

.PHONY: serve
serve: setup ## serve the API on HOST:PORT (127.0.0.1:7860), data in DATA_DIR
	@$(BIN)/serena serve --host $(HOST) --port $(PORT) --data-dir "$(DATA_DIR)"

.PHONY: test
test: setup ## every test that needs no GPU and fetches nothing, in WORKERS (3) processes, with the coverage floor
	@$(TEST_ENV) $(BIN)/python -m pytest $(WHOLE) -m "not gpu and not node and not upscale and not faults" $(ARGS)

.PHONY: test-all
test-all: setup ## test, and what else runs here: clients in node, GPU, upscalers, parity (an hour and more)
	@marker="$$($(BIN)/python -c 'import torch; print("not upscale" if torch.cuda.is_available() else "not gpu and not upscale")')"; \
	$(TEST_ENV) COVER_CHILDREN=subprocess $(BIN)/python -m pytest $(WHOLE) -m "$$marker" $(ARGS)
	@$(MAKE) --no-print-directory test-upscale
	@if test -d $(RECORDED); then $(TEST_ENV) $(BIN)/python bench/parity.py; \
	else echo "parity was not tested: $(RECORDED) is not here"; fi

.PHONY: smoke
smoke: setup ## boot the server as a process and go once through the API and the command line
	@$(TEST_ENV) $(BIN)/python -m pytest tests/smoke $(ARGS)

.PHONY: quality
quality: setup ## the contracts of the doors and the look of the built-in model's pictures
	@$(TEST_ENV) $(BIN)/python -m pytest tests/quality tests/architecture $(ARGS)

.PHONY: test-gpu
test-gpu: setup ## the tests that need a CUDA device
	@$(TEST_ENV) $(BIN)/python -m pytest tests/gpu -m gpu $(ARGS)

.PHONY: test-clients
test-clients: setup ## every client, those from npm too, and write docs/reference/clients.md
	@$(TEST_ENV) SERENA_WRITE_CLIENT_TABLE=1 $(BIN)/python -m pytest tests/clients $(ARGS)

.PHONY: test-postgres
test-postgres: setup ## the tests of jobs in PostgreSQL: start a server from the system's binaries, and require them
	@$(BIN)/python -c 'import sys; from tests.postgres import find_binaries; sys.exit(None if find_binaries() else "there is no PostgreSQL here; install it, with apt: postgresql")'
	@$(TEST_ENV) $(BIN)/python -m pytest tests/contract/test_postgres_job_store.py -m postgres $(ARGS)

.PHONY: test-faults
test-faults: setup ## every door with its jobs in another process, and a handful of what bench-faults does
	@$(TEST_ENV) $(BIN)/python -m pytest tests -m faults $(ARGS)

.PHONY: fuzz
fuzz: setup ## send the whole API what nobody should send, for FUZZ_SECONDS (600)
	@$(TEST_ENV) SERENA_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest tests/fuzz --timeout=0 $(ARGS)

# In a folder of its own: the torchvision of the package index breaks transformers beside a CPU torch.
.PHONY: test-upscale
test-upscale: setup ## the tests of upscalers and face restorers with weights, with their packages in build/upscale
	@test -d build/upscale/cv2 || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target build/upscale $(UPSCALE)
	@$(TEST_ENV) PYTHONPATH=build/upscale $(BIN)/python -m pytest tests/upscale -m upscale $(ARGS)

.PHONY: check
check: lint types imports audit ## every static check

.PHONY: lint
lint: setup ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: format
format: setup ## put the format right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: types
types: setup ## mypy, strict
	@$(BIN)/mypy

.PHONY: imports
imports: setup ## the rules of importlinter.ini
	@$(BIN)/lint-imports --config importlinter.ini

.PHONY: audit
audit: setup ## known vulnerabilities in constraints.txt; says so where the registry does not answer
	@$(BIN)/python scripts/dev/audit_dependencies.py constraints.txt

.PHONY: lock
lock: ## write constraints.txt anew from a fresh environment
	@scripts/dev/lock.sh "$(PYTHON)"

.PHONY: reference
reference: setup ## write the tables of docs/reference from the code
	@PYTHONPATH=. $(BIN)/python scripts/dev/write_reference.py

.PHONY: parity
parity: setup ## draw the reference's recorded requests and write docs/reference/parity.md (an hour, 8 GB)
	@$(TEST_ENV) $(BIN)/python bench/parity.py --markdown docs/reference/parity.md $(ARGS)

.PHONY: stubs
stubs: setup ## write stub model repositories to STUBS (build/stubs)
	@$(BIN)/python scripts/dev/create_stub_repos.py $(STUBS)

.PHONY: bench
bench: setup ## every measurement, one table
	@$(TEST_ENV) $(BIN)/python -m bench $(ARGS)

.PHONY: bench-faults
bench-faults: setup ## kill servers and workers a thousand times, and count what is lost (a quarter of an hour)
	@$(TEST_ENV) $(BIN)/python -m bench.faults $(ARGS)

.PHONY: bench-load
bench-load: setup ## many clients at once, against a bare web application (two minutes)
	@$(TEST_ENV) $(BIN)/python -m bench.load $(ARGS)

.PHONY: clean
clean: ## remove what the checks left; .venv and outputs stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov build dist .coverage .coverage.*
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 -r rm -rf
