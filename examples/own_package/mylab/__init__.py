"""A data set, a loss and a metric for Ventral: docs/own-data.md, docs/own-loss-and-metric.md."""
