"""Documents in which values are left open, and what can be done with what is open."""
