#!/bin/bash
# Starts a command with its secrets: for each NAME_FILE of the list, NAME is what that file holds.
# A secret that is missing or empty ends it here, before anything listens.
set -euo pipefail

names=(
    VENTRAL_STORE
    MLFLOW_TRACKING_USERNAME MLFLOW_TRACKING_PASSWORD
    MLFLOW_BACKEND_STORE_URI MLFLOW_AUTH_ADMIN_PASSWORD MLFLOW_FLASK_SERVER_SECRET_KEY
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
)

refuse() {
    printf 'error: %s; run "ventral deploy secrets" in the folder of the deployment\n' "$1" >&2
    exit 2
}

for name in "${names[@]}"; do
    variable="${name}_FILE"
    file="${!variable:-}"
    if [[ -z "$file" ]]; then
        continue
    fi
    if [[ ! -s "$file" ]]; then
        refuse "$variable: $file is missing or empty"
    fi
    value="$(<"$file")"
    export "$name=$value"
    unset "$variable"
done

token="${RAY_AUTH_TOKEN_PATH:-}"
if [[ "${RAY_AUTH_MODE:-}" == token && -n "$token" && ! -s "$token" ]]; then
    refuse "RAY_AUTH_TOKEN_PATH: $token is missing or empty"
fi

exec "$@"
