"""A network as data: the words of its cells, its fields, its sizes and its rules."""
