#!/usr/bin/env bash
# Says what to do when Node is missing or too old for building the pages.
set -euo pipefail
if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
  echo "The pages are built with Node and npm, and they are not here: install Node 20.19 or later." >&2
  exit 1
fi
node -e '
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) process.exit(0);
  console.error(`The pages are built with Node 20.19 or later; here is ${process.versions.node}.`);
  process.exit(1);
'
