"""The identity of a network: one digest for all spellings of it."""
