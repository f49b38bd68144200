"""What is trained next, and what became of it."""
