"""Data sets: what may be asked for, how each is decoded, packs of them, and batches from those."""
