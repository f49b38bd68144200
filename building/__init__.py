"""How a wheel is built: everything below one package, `ventral`. Needs setuptools alone.

In the clone six folders are the top-level packages. A wheel is installed beside other people's
code, in which `models` or `workers` may well be something else: there they lie below `ventral`,
and so do the names in their imports (docs/decisions/0005-packages-with-short-names.md).
"""
