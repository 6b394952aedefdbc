# make demo: set up and show the main job on embedded data.   make test: run the tests.
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
EXTRAS = dev,report,probe

.PHONY: demo test check

$(BIN)/coderm: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[$(EXTRAS)]'
	@touch $@

demo: $(BIN)/coderm
	$(BIN)/coderm demo

test: $(BIN)/coderm
	$(BIN)/python -m pytest

check: $(BIN)/coderm
	$(BIN)/ruff check .
	$(BIN)/mypy
