"""What a person wrote, as values or as one error: files, JSON trees, paths into them, checks."""
