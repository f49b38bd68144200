"""From the store to MLflow: what a run holds, sending it, and the process that does."""
