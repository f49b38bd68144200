"""Faults done to campaigns on purpose: the scene, the faults, and what they cost."""
