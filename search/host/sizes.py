"""Sizes of files and memory, as people read them."""


def format_bytes(number: float) -> str:
    """12345678 -> 12.3 MB."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= unit:
            return f"{number / unit:.1f} {name}"
    return f"{number:.0f} bytes"
