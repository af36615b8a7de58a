# `make` lists the commands. Needed: git, make, Python 3.11 or later, and Go if there is no `pulumi`.
PYTHON ?= python3
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: $(shell awk -F : '/^[a-z-]+:.*\#\# / {print $$1}' $(MAKEFILE_LIST))

##@ This machine's stack

up: venv ## Deploy the stack `local` on this machine, and wait until Airflow is healthy
	@$(PY) -m local up

dev: venv ## Deploy, and bring what is saved in the DAG folder to Airflow within seconds, until Ctrl-C
	@$(PY) -m local dev

destroy: venv ## Destroy the stack, check that nothing is left, stop every process
	@$(PY) -m local destroy

stop: venv ## Stop every process without `pulumi destroy`, and forget the stack
	@$(PY) -m local stop

output: venv ## Print all outputs as JSON, secrets included
	@$(PY) -m local output

logs: venv ## Show the container's log; FOLLOW=1 waits for more
	@$(PY) -m local logs $(if $(FOLLOW),--follow)

env: venv ## Print exports for plain pulumi, aws and boto3: eval "$(make -s env)"
	@$(PY) -m local env

##@ A stack: this machine's, or STACK=… on AWS

status: venv ## Show service, task, health and URL, of this machine or of STACK=…
	@$(PY) -m $(if $(filter-out local,$(STACK)),operate.status $(STACK),local status)

password: venv ## Print the administrator's password alone, of this machine or of STACK=…
	@$(PY) -m $(if $(filter-out local,$(STACK)),operate.password $(STACK),local password)

dags: venv ## Parse the DAG folder of this machine's stack, or of STACK=…, with a real Airflow
	@$(PY) -m local dags $(if $(STACK),--stack $(STACK))

backup: venv ## Copy the newest snapshot of the database into a file, of this machine or of STACK=…
	@$(PY) -m $(if $(filter-out local,$(STACK)),operate.backup $(STACK),local backup)

restore: venv ## Bring a backup back, or the database of an earlier time: FROM=…, of this machine or of STACK=…
	@$(PY) -m $(if $(filter-out local,$(STACK)),operate.backup $(STACK) --restore,local restore) \
	  $(or $(FROM),$(error say what to restore: make restore FROM=file, or FROM=2026-11-25T12:00Z))

rotate: venv ## Another secret for STACK=…; WHAT=admin-password, api-keys, fernet or fernet-forget
	@$(PY) -m operate.rotate $(or $(STACK),$(error say which stack: make rotate STACK=dev WHAT=api-keys)) \
	  $(or $(WHAT),$(error say what: WHAT=admin-password, api-keys, fernet or fernet-forget))

repair: venv ## After a `pulumi` that was killed: bring the state of STACK=… in step with AWS
	@$(PY) -m operate.repair --stack $(or $(STACK),$(error say which stack: make repair STACK=dev))

##@ Does it work?

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

mutants: venv ## Change one thing at a time in what is shipped, and list what no unit test notices (over an hour)
	@$(PY) -m tests.mutants

bench: venv ## Measure our container against `airflow standalone`
	@$(PY) -m local prepare
	@$(PY) -m bench
	@$(PY) -m bench.tasks

bench-local: venv ## Measure how long one waits on the local cloud, in a fresh clone of what is committed
	@$(PY) -m bench.local

bench-grow: venv ## Measure tasks of Airflow in its container, in ones of their own, and on workers of Celery
	@$(PY) -m local prepare
	@$(PY) -m bench.grow

bench-durability: venv ## Let a task end in every way that it can, and print what each has lost
	@$(PY) -m local prepare
	@$(PY) -m bench.durability

##@ What is written from the code

schema: venv ## Write the schema that programs in other languages see, from the component's annotations
	@$(PY) -c 'from airflow_fargate.plugin import Plugin; print(Plugin().schema)' > components/airflow_fargate/schema.json

configuration: venv ## Write docs/configuration.md, with every key, from the schema
	@$(PY) -m release.configuration_page

snapshots: venv ## Write what every setup of tests/unit registers, after a change that is meant
	@$(PY) -m tests.unit.snapshots

packed: venv ## Pack the programs and modules that the task definition carries, after a change of one
	@$(PY) -m release.packed

deployer-policy: venv ## Write docs/deployer-policy.json from the calls of a stack's life in the local cloud
	@$(PY) -m release.deployer

docs: venv ## Write the API reference, as HTML, to .local/docs
	@$(PY) -m release.reference

airflow-lock: venv ## Resolve local/environments/requirements.in again
	@cd local/environments && ../../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make airflow-lock" --upgrade \
	  --output-file requirements.lock requirements.in

##@ A release

release-check: venv ## Build the package into dist/, and run the minimal example with the wheel in an empty environment
	@$(PY) -m release.check

acceptance: venv ## Before a release: deploy, break, mend and destroy the empty stack STACK=… on AWS
	@$(PY) -m operate.acceptance $(or $(STACK),$(error say which stack: make acceptance STACK=acceptance))

release-record: venv ## At a release: record what it registers and its sources, which later versions must upgrade
	@$(PY) -m release.record

release-notes: venv ## Print the changelog of this version, once version, changelog, record and tags agree
	@$(PY) -m release.notes $(if $(REPOSITORY),--repository $(REPOSITORY))

##@ Besides

help: ## List these commands
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: ## Make .venv, or bring it up to date; every command here does that first
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or later is needed, and '$(PYTHON)' is not: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m local.bootstrap

clean: venv ## Stop everything and remove all that this clone has made, .venv included
	@$(PY) -m local stop
	rm -rf .venv .local dist .pytest_cache .ruff_cache components/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-cache: ## Remove what all clones share, which takes minutes to make again: the engine and the environments
	@$(PYTHON) -c 'import shutil; from local.paths import CACHE; shutil.rmtree(CACHE, ignore_errors=True); print("Removed", CACHE)'
