#!/bin/bash
# Runs a campaign on a cluster, or goes on with it: ventral-campaign FILE ADDRESS. Which campaign a
# file became is noted in the home under the file's checksum, so that a second try resumes it.
set -euo pipefail
umask 077

usage="usage: ventral-campaign FILE ADDRESS"
file="${1:?$usage}" address="${2:?$usage}"
folder="${VENTRAL_HOME:?set it to the folder of the records}/submitted"
mkdir -p "$folder"
sum="$(sha256sum < "$file")"
noted="$folder/${sum%% *}"
if [[ -s "$noted" ]]; then
    exec ventral resume "$(<"$noted")" --address "$address"
fi
exec ventral submit "$file" --address "$address" --id-file "$noted"
