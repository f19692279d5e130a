#!/bin/sh
# Creates the ledger's database in PostgreSQL and the user "ledger", who owns it
# and may do nothing else, with the password in LEDGER_PASSWORD. Run again it
# changes nothing, or the password. The connection, as a user who may create
# both, comes from PGHOST, PGPORT, PGUSER, PGPASSWORD.
set -eu

echo "Preparing database ledger ..."
psql --no-psqlrc --quiet --dbname postgres --set ON_ERROR_STOP=1 <<'SQL'
\getenv password LEDGER_PASSWORD
select 'create role ledger login' where not exists (select from pg_roles where rolname = 'ledger') \gexec
alter role ledger password :'password';
select 'create database ledger owner ledger' where not exists (select from pg_database where datname = 'ledger') \gexec
revoke all on database ledger from public;
SQL
