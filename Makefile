# On a fresh Debian machine with Python 3.11: `make demo` runs the demonstration, `make test` all
# checks and tests, `make torture` damages a desk in 2,000 ways, `make test-milvus` tests catalogues
# on a real Milvus server, `make test-ray` reading on a Ray cluster, `make bench` measures
# (ARGS="lsa suggest" chooses), `make docs` writes the generated pages of docs/.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: demo test test-milvus test-ray check chromium torture bench docs clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[train,languages,index,clip,doc2vec,report,trec,serve,mcp,milvus,remote,dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(VENV)/bin/picturedesk demo $(ARGS)

check: $(STAMP)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# The page is tested in Chromium, which root gets from Debian here; others are told how.
chromium:
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && grep -qs '^ID=debian$$' /etc/os-release; then \
		echo 'Installing Chromium for the tests of the page: apt-get install chromium'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq -y --no-install-recommends chromium >/dev/null \
			|| echo 'Chromium could not be installed: tests/test_page_*.py do not run'; \
	else \
		echo 'Without Chromium these tests do not run:' tests/test_page_*.py; \
		echo 'To run them, too: sudo apt-get install chromium'; \
	fi

test: check chromium
	$(VENV)/bin/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# Against MILVUS_URI=milvus://HOST:PORT, or a server that is started for it.
test-milvus: $(STAMP)
	test -n "$$MILVUS_URI" || $(VENV)/bin/python tests/with_milvus.py install
	$(VENV)/bin/python tests/with_milvus.py $(ARGS)

# A cluster of three nodes on this machine; Ray takes 240 MB of disk.
test-ray: $(STAMP)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[ray]'
	$(VENV)/bin/python -m pytest --numprocesses 0 tests/test_ray.py $(ARGS)

torture: $(STAMP)
	$(VENV)/bin/python tests/torture.py $(ARGS)

# Some 5 minutes on two free cores; `make bench ARGS=--list` names the subjects, also longer ones.
bench: $(STAMP)
	$(VENV)/bin/python benchmarks/bench.py $(ARGS)

docs: $(STAMP)
	$(VENV)/bin/python tools/make_docs.py

clean:
	rm -rf $(VENV) .cache
