#!/usr/bin/env bash
# Runs every check of the code, all of them even if one fails, and says at the
# end which passed, which failed and which could not be made.
set -euo pipefail
cd "$(dirname "$0")/.."

passed=() failed=() unchecked=()

check() { # check NAME COMMAND...
  local name=$1
  shift
  echo "lint: $name ..."
  if "$@"; then passed+=("$name"); else failed+=("$name"); fi
}

tool() { go tool -modfile=tools/go.mod "$@"; }

formatted() {
  local files
  files=$(git ls-files --cached --others --exclude-standard '*.go' | while read -r file; do [ -e "$file" ] && echo "$file"; done | xargs gofmt -l)
  [ -z "$files" ] || { echo "not formatted, run \"make fmt\":"; echo "$files"; return 1; }
}

# The list itself is only of interest to people: make licences.
licences() { go run ./internal/make/licences >/dev/null; }

# Known vulnerabilities come from a database on the network. Not to reach it
# is no fault of the code, and no pass either.
vulnerabilities() {
  local output code=0
  output=$(tool govulncheck ./... 2>&1) || code=$?
  case $code in
    0) passed+=(govulncheck) ;;
    *)
      echo "$output"
      if [ $code -ne 3 ] && grep -q "fetching vulnerabilities" <<<"$output"; then
        unchecked+=("govulncheck (its database cannot be reached)")
      else
        failed+=(govulncheck)
      fi
      ;;
  esac
}

check gofmt formatted
check "go vet" go vet ./...
check "go vet of the production stack's tests" go vet -tags production ./e2e
check "go vet of rules and dashboards" go -C deploy/observability vet ./...
check staticcheck tool staticcheck ./...
check errcheck tool errcheck ./...
check licences licences
check eslint npm run --silent --prefix web eslint
check "types of the pages" npm run --silent --prefix web types
check workflowcheck tool workflowcheck -config tools/workflowcheck.yaml ./workflows/... ./activities/... ./worker/...
echo "lint: govulncheck ..."
vulnerabilities

list() { local IFS=','; echo "${*//,/;}" | sed 's/,/, /g'; }
[ ${#passed[@]} -eq 0 ] || echo "lint: passed: $(list "${passed[@]}")"
[ ${#unchecked[@]} -eq 0 ] || echo "lint: NOT CHECKED: $(list "${unchecked[@]}")"
[ ${#failed[@]} -eq 0 ] || { echo "lint: FAILED: $(list "${failed[@]}")"; exit 1; }
