"""What runs in the page: Vega's scripts and our own, all in the page itself.

The page's policy lets nothing else run, and forbids every request: whatever a name or a reason in
a report holds, it stays text.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert

from dashboards.figures.files import VEGA_LITE
from dashboards.figures.theme import DARK, LIGHT, PAIRS

PLACE = Path(__file__).with_name("template")
"""The folder of the page's template, style and script."""

_EXPORTS = "window.vegaEmbed = vegaEmbed;"


@cache
def bundle_vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, of the version that the charts are written in.

    About 0.9 MB. `vegaEmbed` is its only global name.
    """
    return keep_inside(vl_convert.javascript_bundle(_EXPORTS, vl_version=VEGA_LITE))


@cache
def read_script() -> str:
    """Our script."""
    return keep_inside((PLACE / "page.js").read_text(encoding="utf-8"))


@cache
def write_style() -> str:
    """The page's style sheet, with the rules by which a dark page's charts are printed light."""
    rules = "".join(
        f'.chart [fill="{dark}"]{{fill:{light}}}.chart [stroke="{dark}"]{{stroke:{light}}}'
        for light, dark in PAIRS.items()
    )
    style = (PLACE / "page.css").read_text(encoding="utf-8")
    return f"{style}@media print{{{rules}}}\n"


def read_themes() -> dict[str, Any]:
    """How charts look on a light page and on a dark one, as Vega-Lite's configurations."""
    return {"light": LIGHT, "dark": DARK}


def write_json(value: Any) -> str:
    """JSON that may stand in a script element: no sign in it ends one, or begins a comment."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def write_policy(scripts: Iterable[str]) -> str:
    """The Content-Security-Policy under which `scripts`, and no others, run.

    Vega-Embed and its tooltips bring styles of their own.
    """
    digests = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _digest(script: str) -> str:
    return b64encode(hashlib.sha256(script.encode()).digest()).decode()


def keep_inside(script: str) -> str:
    """A script as it may stand in an element: what would end that is written otherwise."""
    return re.sub(r"<(?=/script|!--)", r"\\x3C", script, flags=re.IGNORECASE).replace("\r", "")
