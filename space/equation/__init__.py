"""Cells and networks as a reader sees them: equations, long and short, and what their signs mean.

What is printed is read from identity (space/identity/), not from the document: two spellings of
one cell print alike, two cells that differ do not, and what no output depends on is not there.
"""
