# The commands of the project; `make` alone lists them. What is longer than a line is in scripts/.

.DEFAULT_GOAL := help
.PHONY: help up down restart reset-replica logs ps clean demo test test-all stack-test load bench dev-servers \
	dev-servers-down fmt lint sqlx-prepare openapi

# How many API instances `make up` starts.
API ?= 4
export API REPLICAS N

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

up: ## Build and start everything (API=4 instances, REPLICAS=0 or 2, TASKFLEET_PORT=8080)
	@scripts/up

down: ## Stop everything; the data stays
	@scripts/compose down --remove-orphans

restart: ## Replace the running instances one by one with a new build
	@scripts/restart

reset-replica: ## Wipe and re-clone a replica while the system serves (N=1)
	@scripts/reset-replica

logs: ## Follow the logs of all services
	@scripts/compose logs --follow --tail 100

ps: ## Show the running services
	@scripts/compose ps --all

clean: ## Stop everything and remove the data too (asks first; YES=1 does not)
	@scripts/clean

demo: ## Load the demo data into the running system
	@scripts/demo

test: ## Run what CI runs: make lint, cargo test, make stack-test
	@scripts/test

test-all: ## Run every test: make test with the long tests of the composed system and of the model
	@scripts/test --all

stack-test: ## Test the composed system from outside, beside a running one (short tests)
	@scripts/stack-test

load: ## Put load on the running system and print a table
	@loadtest/load

bench: ## Measure against ceilings: memory, pgbench
	@loadtest/bench

dev-servers: ## Start PostgreSQL and Redis for development
	@scripts/dev-servers

dev-servers-down: ## Remove them with their data
	@scripts/dev-servers down

fmt: ## Format the code
	cargo fmt

lint: ## Check format, lints, shell scripts, documentation, licences and migrations
	@scripts/lint

sqlx-prepare: ## Regenerate .sqlx after a change of a query or a migration
	@scripts/sqlx-prepare

openapi: ## Regenerate openapi.json
	SQLX_OFFLINE=true cargo run --quiet -- openapi > openapi.json.new
	mv openapi.json.new openapi.json
