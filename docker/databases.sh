#!/bin/bash
# The databases and their owners, made once, when PostgreSQL starts with an empty folder. The
# passwords are read by psql itself, so that no list of processes shows them.
set -euo pipefail

secrets="${SECRETS:-/run/secrets}"
for name in ventral_password mlflow_password; do
    if [[ ! -s "$secrets/$name" ]]; then
        printf 'error: %s is missing or empty; run "ventral deploy secrets"\n' "$secrets/$name" >&2
        exit 2
    fi
done

export SECRETS="$secrets"
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" \
    --dbname postgres <<'SQL'
\set ventral_password `cat "$SECRETS/ventral_password"`
\set mlflow_password `cat "$SECRETS/mlflow_password"`
CREATE ROLE ventral LOGIN PASSWORD :'ventral_password';
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE DATABASE ventral OWNER ventral;
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE mlflow_accounts OWNER mlflow;
REVOKE CONNECT ON DATABASE ventral, mlflow, mlflow_accounts FROM PUBLIC;
SQL
