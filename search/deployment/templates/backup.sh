#!/bin/bash
# A copy of the three databases, the objects and the home, in a folder named by its time. It
# appears under its name when it is complete. Stop campaigns and MLflow first for one moment's
# state of all parts; without that each part is whole in itself.
set -euo pipefail
umask 077

secrets="${SECRETS:-/run/secrets}" data="${DATA:-/data}" backups="${BACKUPS:-/backups}"
PGPASSWORD="$(<"$secrets/database_password")"
export PGPASSWORD
name="$(date -u +%Y-%m-%dT%H%M%SZ)"
partial="$backups/.$name.partial"
trap 'rm -rf "$partial"' EXIT
mkdir "$partial"
for database in ventral mlflow mlflow_accounts; do
    pg_dump --host "${PGHOST:-database}" --username postgres --format custom \
        --file "$partial/$database.dump" "$database"
done
tar -C "$data" -czf "$partial/files.tar.gz" objects home
(cd "$partial" && sha256sum -- *.dump files.tar.gz > SHA256SUMS)
mv "$partial" "$backups/$name"
printf '%s\n' "$backups/$name"
