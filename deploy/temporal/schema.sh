#!/bin/sh
# Creates Temporal's two databases in PostgreSQL and brings their schemas to the
# version of temporal-sql-tool, which has them in it. Run again it changes
# nothing, or upgrades. The connection comes from SQL_HOST, SQL_PORT, SQL_USER,
# SQL_PASSWORD, SQL_PLUGIN.
set -eu

prepare() {
  echo "Preparing database $1 ..."
  temporal-sql-tool --database "$1" create-database
  temporal-sql-tool --database "$1" setup-schema --version 0.0
  temporal-sql-tool --database "$1" update-schema --schema-name "postgresql/v12/$2"
}

prepare temporal temporal
prepare temporal_visibility visibility
