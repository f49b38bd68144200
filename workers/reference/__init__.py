"""Replay of arrays that the published reference implementation computed."""
