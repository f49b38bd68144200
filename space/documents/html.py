"""Values as small pieces of HTML, for notebooks: static, without scripts or style sheets, and with
every text in them escaped.
"""

from collections.abc import Mapping

from space.documents.outside import escape_markup

_LONGEST = 300
"""Letters of a value."""


def format_facts(title: str, facts: Mapping[str, object]) -> str:
    """A title over a table of names and values; values that are None or empty are left out."""
    shown = {name: _shorten(value) for name, value in facts.items() if value not in (None, "", ())}
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left">{escape_markup(name)}</th>'
        f'<td style="text-align:left">{escape_markup(value)}</td></tr>'
        for name, value in shown.items()
    )
    caption = f"<caption><strong>{escape_markup(title)}</strong></caption>"
    return f"<table>{caption}<tbody>{rows}</tbody></table>"


def format_lines(text: str) -> str:
    """A text of several lines, as it stands."""
    return f'<pre style="white-space:pre-wrap">{escape_markup(text, lines=True)}</pre>'


def format_percent(score: float | None) -> str:
    """0.1234 -> 12.3 %; nothing for None."""
    return "" if score is None else f"{100 * score:.1f} %"


def _shorten(value: object) -> str:
    if isinstance(value, tuple | list):
        value = ", ".join(map(str, value))
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
