#!/usr/bin/env bash
# Tests the pages: their logic, how much JavaScript a customer loads, and the
# pages in a real browser, against the real binary on the embedded stack.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install-chromium.sh
cd web
echo "Testing the pages' logic ..."
npm run --silent test
npm run --silent budget
echo "Testing the pages in a browser ..."
npm run --silent browser
