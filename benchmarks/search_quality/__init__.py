"""A table of truth of trained recurrent cells, and what searches over it are worth."""

from benchmarks.search_quality.table import Row, Table, load, published

__all__ = ["Row", "Table", "load", "published"]
