# Everything here works on a fresh clone: each target installs what it needs
# into .tools and bin, which git ignores. "make" alone lists the targets.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.NOTPARALLEL:

# Go itself could read the version from git, but refuses a clone that belongs
# to another user.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
GOFLAGS := -buildvcs=false
export GOFLAGS

# Arguments for the program, as in: make run ARGS="--api-port 8090"
ARGS :=
# What "make test-go" tests, as in: make test-go PACKAGES=./station/...
PACKAGES := ./...

# The race detector needs a C compiler. Without one the tests run all the
# same, and say that they ran without.
CC := $(shell go env CC)
RACE := $(shell command -v $(CC) >/dev/null 2>&1 && echo -race)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS=$$'\t' read -r name text; do printf '  make %-18s %s\n' "$$name" "$$text"; done

.PHONY: run
run: build tools ## Start the factory on this machine: API, worker, Temporal with its UI, Kafka
	@bin/cupcakery dev $(ARGS)

.PHONY: demo
demo: build tools ## The same, with robots at the stations and customers who order
	@bin/cupcakery dev --demo $(ARGS)

.PHONY: production
production: build ## Run it as in production, without containers: Temporal on PostgreSQL, Kafka with TLS and ACLs
	@go run ./internal/make/production $(ARGS)

.PHONY: build
build: web ## Build bin/cupcakery, with the pages in it
	@[ -e bin/cupcakery ] || echo "Building bin/cupcakery (the first time takes a minute or two, and downloads modules) ..."
	@go build -ldflags "-X main.version=$(VERSION)" -o bin/cupcakery ./cmd/cupcakery

.PHONY: web
web: web/dist/index.html web/dist/third-party-notices.txt ## Build the pages

# What the licences of others ask for, in the program and on its pages.
web/dist/third-party-notices.txt: web/dist/index.html go.mod go.sum internal/make/notices/main.go $(wildcard internal/make/dependencies/*.go)
	@go run ./internal/make/notices ./cmd/cupcakery web/dist/.vite/licences.json $@

web/dist/index.html: web/node_modules/.package-lock.json $(shell git ls-files web ':!web/browser' 2>/dev/null)
	@echo "Building the pages ..."
	@cd web && npm run --silent build -- --logLevel warn
	@touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@tools/check-node.sh
	@echo "Installing what the pages are built with into web/node_modules ..."
	@cd web && npm ci --silent
	@touch $@

.PHONY: web-dev
web-dev: web/node_modules/.package-lock.json ## Serve the pages with hot reload, against a running "make run" or $CUPCAKERY_URL
	@cd web && npm run --silent dev

.PHONY: test
test: test-web test-go ## Run every test, in a real browser and against real servers too

.PHONY: test-web
test-web: build tools ## Test the pages only
	@tools/test-web.sh

.PHONY: test-go
test-go: programs tools web ## Run the Go tests only; PACKAGES=./x/... for some
	@go run ./internal/make/programs
	@echo "Testing $(PACKAGES) $(if $(RACE),with the race detector,WITHOUT the race detector: there is no C compiler \"$(CC)\") ..."
	@go run ./internal/make/gotest $(RACE) -count=1 -timeout=30m $(PACKAGES)

.PHONY: test-observability
test-observability: build tools .tools/promtool ## Test alerts, dashboards and docs/metrics.md against a factory that runs
	@go -C deploy/observability test -count=1 ./...

# Of the version whose parser the tests use, without what finds targets in clouds.
.tools/promtool: deploy/observability/go.mod
	@echo "Building promtool into .tools (the first time takes some minutes) ..."
	@go -C deploy/observability build -tags remove_all_sd -o "$(CURDIR)/$@" github.com/prometheus/prometheus/cmd/promtool

.PHONY: test-chart
test-chart: build ## Test what the Helm chart renders
	@go test -C deploy/kubetest -count=1 .

.PHONY: test-kubernetes
test-kubernetes: ## Test the Helm chart on a real Kubernetes control plane (the first time builds one)
	@tools/kubernetes.sh
	@inputs=$$(tools/kubernetes-inputs.sh) && \
		go test -C deploy/kubetest -count=1 -timeout=15m -tags kubernetes -run TestOnARealControlPlane . && \
		echo "$$inputs" >deploy/kubetest/tested

.PHONY: test-production
test-production: build programs ## Test on the production stack: end to end, crashes, outages, and each right in Kafka
	@go run ./internal/make/gotest $(RACE) -tags production -count=1 -timeout=60m ./e2e

.PHONY: programs
programs:
	@tools/programs.sh

.PHONY: lint
lint: web ## Check the code: formatting, vet, staticcheck, errcheck, workflowcheck, vulnerabilities; of the pages ESLint and types
	@tools/lint.sh

.PHONY: licences
licences: ## List what everything is built and tested with, by licence; fail at one that is not allowed
	@go run ./internal/make/licences

.PHONY: sbom
sbom: web ## Write the program's bill of materials (CycloneDX) to bin/sbom.cdx.json
	@mkdir -p bin
	@go run ./internal/make/sbom $(VERSION) web/dist/.vite/licences.json bin/sbom.cdx.json

.PHONY: screenshots
screenshots: build tools ## Take pictures of every screen, into docs/screenshots
	@tools/install-chromium.sh
	@cd web && npm run --silent screenshots

.PHONY: bench
bench: build tools ## Measure the factory against a bare workflow, into bench.json
	@go run ./bench $(ARGS)

.PHONY: bench-ledger
bench-ledger: ## Measure how fast the log is folded into PostgreSQL, into bench-ledger.json
	@go run ./bench/ledger $(ARGS)

.PHONY: bench-board
bench-board: build tools ## Measure a station's board with 300 tickets in Chromium
	@tools/install-chromium.sh
	@cd web && npm run --silent bench

.PHONY: fmt
fmt: ## Format the code
	@gofmt -w $$(git ls-files --cached --others --exclude-standard '*.go')

.PHONY: tools
tools: .tools/temporal ## Install the Temporal CLI into .tools

.tools/temporal: tools/temporal-cli.txt tools/install-temporal-cli.sh
	@tools/install-temporal-cli.sh

.PHONY: generate
generate: web/node_modules/.package-lock.json ## Generate code from the table of stages and the specifications anew
	@go run ./internal/make/stages
	@go -C deploy/observability run .
	@go generate ./...
	@cd web && npm run --silent generate

.PHONY: verify-generated
verify-generated: web/node_modules/.package-lock.json ## Fail if generated code is not what its specifications say
	@tools/verify-generated.sh

.PHONY: record-histories
record-histories: tools ## Record the orders that workflow code is replayed against (only for new kinds of orders)
	@go test ./workflows -run '^TestReplay$$' -count=1 -args -record
