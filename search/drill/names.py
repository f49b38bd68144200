"""The faults of a drill by name: known before anything is loaded that a drill needs."""

EVERYWHERE = ("driver", "worker", "hang", "everything", "mlflow")
"""The faults that a drill does on this machine, and on a running cluster."""
HERE = (*EVERYWHERE, "node")
"""The faults of a drill on this machine: nodes of other people's clusters are not ours to kill."""
