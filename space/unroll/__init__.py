"""A step over time: what has to be computed, in which calls, and what it costs."""
