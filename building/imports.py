"""Imports rewritten for another place of the packages: `space.genome` -> `ventral.space.genome`.

Only import statements change, at the positions that the parser gives; lines stay where they are,
and each statement binds the names that it bound before.
"""

import ast
from collections.abc import Collection

Edit = tuple[int, int, bytes]
"""Begin and end of the bytes that are replaced, and what replaces them."""


def move_imports(source: str, packages: Collection[str], front: str) -> str:
    """The source of a module whose imports of `packages` look for them below the package `front`.

    Raises SyntaxError for what is no Python, ValueError for an import that cannot be rewritten in
    its place (`import space` in several lines).
    """
    text = source.encode()
    starts = _find_line_starts(text)
    edits: list[Edit] = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        if isinstance(node, ast.ImportFrom):
            if node.module and not node.level and _top(node.module) in packages:
                edits.append(_put_before_module(text, begin, node.module, front))
        elif any(_top(alias.name) in packages for alias in node.names):
            if b"\n" in text[begin:end]:
                raise ValueError(f"line {node.lineno}: write the import in one line")
            edits.append((begin, end, _write_import(node, packages, front).encode()))
    for begin, end, new in sorted(edits, reverse=True):
        text = text[:begin] + new + text[end:]
    return text.decode()


def _top(module: str) -> str:
    return module.partition(".")[0]


def _find_line_starts(text: bytes) -> list[int]:
    """Where each line begins. The parser ends lines at these characters only, and counts bytes."""
    starts, normal = [0], text.replace(b"\r\n", b" \n").replace(b"\r", b"\n")
    while (end := normal.find(b"\n", starts[-1])) >= 0:
        starts.append(end + 1)
    return starts


def _put_before_module(text: bytes, begin: int, module: str, front: str) -> Edit:
    """`from space.genome import ...` -> `from ventral.space.genome import ...`."""
    place = text.index(module.encode(), begin + len(b"from"))
    if text[begin:place].strip() != b"from":
        raise ValueError(f"the import of {module} is written in an unusual way")
    return place, place, f"{front}.".encode()


def _write_import(node: ast.Import, packages: Collection[str], front: str) -> str:
    """An `import` statement with the same names bound, in one line.

    `import space.genome` binds `space`: the module is imported by its long name, and then `space`
    is taken from the package in front.
    """
    statements = []
    for alias in node.names:
        top = _top(alias.name)
        if top not in packages:
            written = alias.name + (f" as {alias.asname}" if alias.asname else "")
            statements.append(f"import {written}")
        elif alias.asname:
            statements.append(f"import {front}.{alias.name} as {alias.asname}")
        else:
            if alias.name != top:
                statements.append(f"import {front}.{alias.name}")
            statements.append(f"from {front} import {top}")
    return "; ".join(statements)
