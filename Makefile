# `make` lists the commands. Needed: git, make, Python 3.11 or later, and Go if there is no `pulumi`.
PYTHON ?= python3
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help venv up destroy stop status logs output dags acceptance repair env test test-unit test-versions check schema snapshots mutants \
  deployer-policy docs release-check release-record format bench airflow-lock clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: ## Make .venv, or bring it up to date; every command here does that first
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or later is needed, and '$(PYTHON)' is not: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m local.bootstrap

up: venv ## Deploy the stack `local` on this machine, and wait until Airflow is healthy
	@$(PY) -m local up

destroy: venv ## Destroy the stack, check that nothing is left, stop every process
	@$(PY) -m local destroy

stop: venv ## Stop every process without `pulumi destroy`, and forget the stack
	@$(PY) -m local stop

status: venv ## Show service, task, health and URL, of this machine or of STACK=…
	@$(PY) -m $(if $(filter-out local,$(STACK)),operate.status $(STACK),local status)

logs: venv ## Show the container's log; FOLLOW=1 waits for more
	@$(PY) -m local logs $(if $(FOLLOW),--follow)

output: venv ## Print all outputs as JSON, secrets included
	@$(PY) -m local output

dags: venv ## Parse the DAG folder of this machine's stack, or of STACK=…, with a real Airflow
	@$(PY) -m local dags $(if $(STACK),--stack $(STACK))

acceptance: venv ## Before a release: deploy, break, mend and destroy the empty stack STACK=… on AWS
	@$(PY) -m operate.acceptance $(or $(STACK),$(error say which stack: make acceptance STACK=acceptance))

repair: venv ## After a `pulumi` that was killed: bring the state of STACK=… in step with AWS
	@$(PY) -m operate.repair --stack $(or $(STACK),$(error say which stack: make repair STACK=dev))

env: venv ## Print exports for plain pulumi, aws and boto3: eval "$(make -s env)"
	@$(PY) -m local env

test: venv ## Run every test: mocks, the scan by checkov, engine, container
	@$(PY) -m local prepare
	@$(PY) -m pytest --numprocesses logical

test-unit: venv ## Run the tests that need no engine, in seconds
	@$(PY) -m pytest --numprocesses logical --pyargs tests.unit  # by name: a path has the first process load all SDKs

test-versions: venv ## Run the tests of the mocks ring with the lowest and the newest dependencies
	@$(PY) -m release.versions

check: venv ## Lint, check the format and the types
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m pyright

schema: venv ## Write the schema that programs in other languages see, from the component's annotations
	@$(PY) -c 'from airflow_fargate.plugin import Plugin; print(Plugin().schema)' > components/airflow_fargate/schema.json

snapshots: venv ## Write what every setup of tests/unit registers, after a change that is meant
	@$(PY) -m tests.unit.snapshots

mutants: venv ## Change one thing at a time in what is shipped, and list what no unit test notices (half an hour)
	@$(PY) -m tests.mutants

deployer-policy: venv ## Write docs/deployer-policy.json from the calls of a stack's life in the local cloud
	@$(PY) -m release.deployer

docs: venv ## Write the API reference, as HTML, to .local/docs
	@$(PY) -m release.reference

release-check: venv ## Build the package, and run the minimal example with the wheel in an empty environment
	@$(PY) -m release.check

release-record: venv ## At a release: record what it registers and its sources, which later versions must upgrade
	@$(PY) -m release.record

bench: venv ## Measure our container against `airflow standalone`
	@$(PY) -m local prepare
	@$(PY) -m bench

airflow-lock: venv ## Resolve local/environments/requirements.in again
	@cd local/environments && ../../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make airflow-lock" --upgrade \
	  --output-file requirements.lock requirements.in

clean: venv ## Stop everything and remove all that was made, .venv and the engine included
	@$(PY) -m local stop
	rm -rf .venv .local .pytest_cache .ruff_cache components/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
