#!/usr/bin/env bash
# Prints one number for all that "make test-kubernetes" tests: the chart, its
# values, the commands, the image and the tests themselves. It changes when one of
# them does.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C # for sort
git ls-files --cached --others --exclude-standard deploy/Dockerfile deploy/chart deploy/kubetest deploy/places cmd/cupcakery tools/kubernetes.sh |
  grep -v -e '^deploy/kubetest/tested$' -e '^cmd/cupcakery/.*_test\.go$' | sort |
  while read -r file; do [ ! -e "$file" ] || echo "$file $(git hash-object "$file")"; done | git hash-object --stdin
