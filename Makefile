# On a fresh Debian machine with Python 3.11: `make demo` runs the demonstration, `make test` all
# checks and tests, `make torture` damages a desk in 2,000 ways, `make docs` writes the generated
# pages of docs/.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: demo test check torture docs clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[train,languages,clip,doc2vec,report,trec,serve,mcp,dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(VENV)/bin/picturedesk demo $(ARGS)

check: $(STAMP)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

test: check
	$(VENV)/bin/python -m pytest --numprocesses auto --dist loadfile

torture: $(STAMP)
	$(VENV)/bin/python tests/torture.py $(ARGS)

docs: $(STAMP)
	$(VENV)/bin/python tools/make_docs.py

clean:
	rm -rf $(VENV) .cache
