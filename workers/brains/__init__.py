"""Recordings of brains and behaviour, and how well a network's features predict them."""
