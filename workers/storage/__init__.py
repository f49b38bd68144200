"""Where files are kept that others need: a folder, or an object store, by one protocol."""
