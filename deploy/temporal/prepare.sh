#!/bin/sh
# Prepares a Temporal server for orders: the namespace, and the search
# attributes that must exist before the first order. Run again it changes
# nothing. The connection comes from Temporal's own TEMPORAL_ADDRESS and
# TEMPORAL_NAMESPACE; ORDER_RETENTION is how long a finished order is kept.
set -eu

: "${TEMPORAL_ADDRESS:?say where Temporal is, host:port}"
: "${TEMPORAL_NAMESPACE:=default}"
: "${ORDER_RETENTION:=720h}"
: "${PATIENCE:=120}"
export TEMPORAL_ADDRESS TEMPORAL_NAMESPACE

# until_it_works COMMAND... tries once a second. A server that has just started
# answers before it can do everything, and needs some seconds to see a new
# namespace and its attributes.
until_it_works() {
  tries=0
  until said=$("$@" 2>&1); do
    tries=$((tries + 1))
    if [ "$tries" -ge "$PATIENCE" ]; then
      echo "Gave up (tries: $PATIENCE): $*" >&2
      echo "$said" >&2
      exit 1
    fi
    sleep 1
  done
}

namespace_exists() {
  temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$ORDER_RETENTION"
}

echo "Waiting for Temporal at $TEMPORAL_ADDRESS ..."
until_it_works temporal operator cluster health

echo "Preparing namespace $TEMPORAL_NAMESPACE ..."
until_it_works namespace_exists

until_it_works temporal operator search-attribute create \
  --name CupcakeState --type Keyword \
  --name CupcakeFlavours --type KeywordList \
  --name CupcakeCustomer --type Keyword \
  --name CupcakePickupCode --type Keyword

until_it_works temporal workflow count --query \
  'CupcakeState = "" OR CupcakeFlavours = "" OR CupcakeCustomer = "" OR CupcakePickupCode = ""'

echo "Ready for orders."
