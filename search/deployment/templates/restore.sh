#!/bin/bash
# Puts a backup into a set that is empty: bash /restore.sh NAME. It changes nothing before the
# checksums hold, and refuses folders that are not empty.
set -euo pipefail
umask 077

secrets="${SECRETS:-/run/secrets}" data="${DATA:-/data}" backups="${BACKUPS:-/backups}"
name="${1:?usage: restore.sh NAME, the name of a folder of the backups}"
case "$name" in
    */* | .*) printf 'error: %s is not the name of a backup\n' "$name" >&2; exit 2 ;;
esac
cd "$backups/$name"
sha256sum --check --quiet SHA256SUMS
for part in objects home; do
    if [[ -n "$(ls -A "$data/$part")" ]]; then
        printf 'error: %s holds files; restore into an empty set\n' "$data/$part" >&2
        exit 2
    fi
done
PGPASSWORD="$(<"$secrets/database_password")"
export PGPASSWORD
for database in ventral mlflow mlflow_accounts; do
    pg_restore --host "${PGHOST:-database}" --username postgres --exit-on-error \
        --single-transaction --dbname "$database" "$database.dump"
done
tar -C "$data" -xzf files.tar.gz
printf 'restored %s\n' "$name"
