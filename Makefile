# `make run` starts Anlan, `make test` proves it; both work on a bare machine. See CONTRIBUTING.md.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
ifeq ($(strip $(PYTHON)),)
$(error Anlan needs Python 3.11 or newer, and none was found. Install it or say: make PYTHON=/path/to/python3 run)
endif

.PHONY: run setup test check bench pictures lock clean

run:
	@$(PYTHON) tools/setup.py
	@exec .venv/bin/anlan start

setup:
	@$(PYTHON) tools/setup.py --dev

test:
	@$(PYTHON) tools/setup.py --dev --system
	@.venv/bin/python tools/test.py

check:
	@$(PYTHON) tools/setup.py --dev
	@.venv/bin/python tools/check.py

bench:
	@$(PYTHON) tools/setup.py --dev
	@.venv/bin/python tools/bench.py $(NAMES)

# The README's pictures, from the demonstration city that `make run` serves meanwhile.
pictures:
	@$(PYTHON) tools/setup.py --dev
	@.venv/bin/python tools/pictures.py

# Newer versions of the libraries, after a change of requirements*.in or to take updates in.
lock:
	@$(PYTHON) tools/setup.py --dev
	@.venv/bin/python tools/lock.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache anlan/site/static/dist anlan/site/frontend/node_modules
