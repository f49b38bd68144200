"""One file for every schema of the store."""
