#!/usr/bin/env bash
# Sees to the programs that the tests run: what is missing is installed with
# apt-get where that is possible, and named where it is not.
set -euo pipefail

missing=()
need() { command -v "$2" >/dev/null 2>&1 || missing+=("$1"); } # need DEBIAN-PACKAGE PROGRAM
need curl curl
need default-jre-headless java
need git git
need kcat kcat
need maven mvn
need python3 python3
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
[ ${#missing[@]} -gt 0 ] || exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" -eq 0 ]; then
  echo "Installing with apt-get: ${missing[*]} ..."
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  exit 0
fi
echo "The tests need these Debian packages or their like: ${missing[*]}" >&2
echo "Install them first, for instance with: sudo apt-get install ${missing[*]}" >&2
exit 1
