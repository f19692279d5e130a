#!/usr/bin/env bash
# Generates all code anew and fails if that changes a file: then a source was
# changed and "make generate" forgotten.
set -euo pipefail
cd "$(dirname "$0")/.."

hashes() {
  git ls-files -z --cached --others --exclude-standard | xargs -0 sha256sum 2>/dev/null || true # a file may have been deleted
}

echo "verify-generated: generating code ..."
before=$(hashes)
make --no-print-directory generate >/dev/null
if after=$(hashes) && [ "$before" = "$after" ]; then
  echo "verify-generated: all files are what their sources say"
  exit 0
fi
echo "verify-generated: these files were not what their sources say; they are now, so commit them:"
diff <(echo "$before") <(echo "$after") | awk '/^[<>]/ { print "  " $3 }' | sort -u
exit 1
