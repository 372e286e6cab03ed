# Everything is installed into .venv from the lock files; the machine's own Python is left alone.
# `make run` and `make test` do all set-up by themselves.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup setup-dev run test test-fast lint format lock faults fuzz bench bench-load bench-peers bench-latency bench-network bench-turns clean

help:
	@echo "make run     set up and serve http://127.0.0.1:8080 (HOST and PORT choose the address)"
	@echo "make test    set up, check and test everything"
	@echo "make lint    ruff, mypy and the import contract alone"
	@echo "make faults  the tests of faults at full length: bad networks, 200 kills, 1,000 calls (many minutes)"
	@echo "make fuzz    20,000 damaged inputs of each kind (MUTANTS chooses how many)"
	@echo "make bench   benchmarks (minutes; not part of the tests)"
	@echo "make bench-load     how many calls one core holds (minutes; OPTIONS= for scripts/load_test.py)"
	@echo "make bench-peers    our server beside aiortc, FastRTC and Pipecat (installs them into .bench)"
	@echo "make bench-turns    turn-taking: cut-ins, delays and interruptions over a synthetic corpus"
	@echo "make bench-latency  voice to voice: end of speech to the first sound of the answer, and set-up of calls"
	@echo "make bench-network  lossy and uneven networks: what is heard, delayed and understood"
	@echo "make lock    renew the lock files from pyproject.toml"
	@echo "make clean   remove what set-up made (never .data)"

setup: $(VENV)/.run-ready
setup-dev: $(VENV)/.dev-ready

$(VENV)/bin/python:
	scripts/make_venv.sh "$(PYTHON)" "$(VENV)"

$(VENV)/.run-ready: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	$(BIN)/python -m compileall -q voice_agent signaling # a server cannot: it may write no file
	@touch $@

$(VENV)/.dev-ready: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	$(BIN)/python -m compileall -q voice_agent signaling
	@touch $@ $(VENV)/.run-ready

run: setup
	@exec $(BIN)/voice-agent serve

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/python -m scripts.prepare_browser
	$(BIN)/python -m scripts.prepare_services
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --reruns 1 -rR

faults: setup-dev
	LONG_TESTS=1 $(BIN)/python -m pytest tests/faults tests/security/test_exhaustion.py tests/integration/test_call_faults.py

fuzz: setup-dev
	FUZZ_MUTANTS=$(or $(MUTANTS),20000) $(BIN)/python -m pytest tests/fuzz

bench: setup-dev
	$(BIN)/python -m scripts.bench_media
	$(BIN)/python -m scripts.bench_receiving
	$(BIN)/python -m scripts.bench_writer
	$(BIN)/python -m scripts.bench_provider

bench-load: setup-dev
	$(BIN)/python -m scripts.load_test $(or $(OPTIONS),--find --calls 40)

bench-peers: setup-dev
	$(BIN)/python -m scripts.bench_peers

bench-turns: setup-dev
	$(BIN)/python -m scripts.bench_turns

bench-latency: setup-dev
	$(BIN)/python -m scripts.bench_latency

bench-network: setup-dev
	$(BIN)/python -m scripts.bench_network

lock: setup-dev
	$(BIN)/python -m pip install -q --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --extra espeak --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --python-version 3.11 --upgrade -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra espeak --group dev --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --python-version 3.11 -c requirements.lock -q -o requirements-dev.lock

clean:
	rm -rf $(VENV) .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis
