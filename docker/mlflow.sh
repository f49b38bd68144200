#!/bin/bash
# MLflow's server with accounts. It makes its bucket if there is none; whoever is not a user of
# the accounts' database is refused.
set -euo pipefail

: "${MLFLOW_BACKEND_STORE_URI:?the address of its database is not set}"
: "${MLFLOW_AUTH_CONFIG_PATH:?the file of its accounts is not named}"
: "${MLFLOW_AUTH_ADMIN_PASSWORD:?the administrator has no password}"
: "${MLFLOW_FLASK_SERVER_SECRET_KEY:?the key of its sessions is not set}"
: "${VENTRAL_BUCKET:?the bucket of its artifacts is not named}"

python - "$VENTRAL_BUCKET" <<'PYTHON'
import sys

import boto3

client = boto3.client("s3")
names = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
if sys.argv[1] not in names:
    client.create_bucket(Bucket=sys.argv[1])
PYTHON

# A worker takes half a minute to start on a busy machine; by itself uvicorn ends it after 5 s.
exec mlflow server --app-name basic-auth --host 0.0.0.0 --port 5000 --workers 2 \
    --uvicorn-opts "--timeout-worker-healthcheck 120" \
    --artifacts-destination "s3://$VENTRAL_BUCKET"
