#!/usr/bin/env bash
# Generates all code anew and fails if that changes a file: then a source was
# changed and "make generate" forgotten.
set -euo pipefail
cd "$(dirname "$0")/.."

generated() {
  { grep -rlE '^// Code generated .* DO NOT EDIT\.$' --include='*.go' --exclude-dir=node_modules .; echo ./web/src/api/schema.gen.ts; } | sort | xargs sha256sum
}

echo "verify-generated: generating code ..."
before=$(generated)
go generate ./...
npm run --silent --prefix web generate >/dev/null
if after=$(generated) && [ "$before" = "$after" ]; then
  echo "verify-generated: $(wc -l <<<"$after") files are what their sources say"
  exit 0
fi
echo "verify-generated: these files were not what their sources say; they are now, so commit them:"
diff <(echo "$before") <(echo "$after") | awk '/^[<>]/ { print "  " $3 }' | sort -u
exit 1
