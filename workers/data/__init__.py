"""Data sets: their options, how each is decoded, packs of them, and batches from packs."""
