"""What keeps campaigns from running here or on a cluster, and the cure: `ventral doctor`.

`protocol.py` is what a check is, `running.py` runs them, `examining.py` puts here, nodes and
clusters together. One file a group: what a machine has (`machine.py`, `graphics.py`,
`software.py`, `variables.py`), what is on record (`records.py`, `tracking.py`), files
(`files.py`), and the cluster (`cluster.py`). Each check gathers facts and judges them apart, so
that every verdict is tested from facts. Nothing is changed: what is written is removed again.
"""
