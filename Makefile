# Everything runs in .venv, made from requirements.lock; nothing is installed into the machine's Python.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup setup-dev run test lint lock bench clean

$(VENV)/.installed: requirements.lock pyproject.toml
	scripts/setup.sh "$(PYTHON)" "$(VENV)"
	@touch $@
