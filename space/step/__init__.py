"""One step of a network, written once: the terms of its cells, and every tensor by its path."""
