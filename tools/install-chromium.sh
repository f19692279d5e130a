#!/usr/bin/env bash
# Makes .tools/chromium a link to a Chromium for the browser tests: the one that
# $CUPCAKERY_CHROMIUM names, else one that is installed, else Debian's package,
# else Playwright's own download.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .tools

found() { # found PROGRAM: link it, if it runs
  local program
  program=$(command -v "$1" 2>/dev/null) || return 1
  "$program" --version >/dev/null 2>&1 || return 1
  ln -sfn "$program" .tools/chromium
  echo "Browser tests use $program ($("$program" --version 2>/dev/null | head -1))."
}

if [ -n "${CUPCAKERY_CHROMIUM:-}" ]; then
  found "$CUPCAKERY_CHROMIUM" && exit
  echo "CUPCAKERY_CHROMIUM=$CUPCAKERY_CHROMIUM is no browser that runs here." >&2
  exit 1
fi
for program in chromium chromium-browser google-chrome-stable google-chrome; do
  found "$program" && exit
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Chromium for the browser tests (apt-get install chromium) ..."
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-color-emoji >/dev/null || true
  found chromium && exit
fi
echo "Downloading Chromium for the browser tests (npx playwright install chromium) ..."
(cd web && npx playwright install chromium)
found "$(cd web && node -e 'console.log(require("@playwright/test").chromium.executablePath())')" && exit
echo "There is no Chromium for the browser tests: install Chromium or Chrome, or name one with CUPCAKERY_CHROMIUM." >&2
exit 1
