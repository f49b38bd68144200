"""Pictures as SVG text.

The text is the same for equal pictures. It stands alone as a file and inlined in a page, several
beside each other: what it names and how it is styled begins with a digest of the picture.
"""

import hashlib
from functools import lru_cache

from space.circuits.metric import FONT
from space.circuits.shapes import SMALL, TEXT, Box, Frame, Label, Mark, Picture, Shape, Wire
from space.documents.outside import escape_markup

MARGIN = 14

_LIGHT = {
    "ground": "#ffffff",
    "panel": "#f6f7f9",
    "ink": "#1b1f24",
    "faint": "#636c76",
    "chip": "#ffffff",
    "state": "#dbe9f6",
    "add": "#0064a4",
    "multiply": "#b84a00",
    "kept": "#00735a",
    "feedback": "#8c3f86",
    "note": "#fff1b8",
}
_DARK = {
    "ground": "#0f1318",
    "panel": "#181d24",
    "ink": "#eceff2",
    "faint": "#9aa4af",
    "chip": "#0f1318",
    "state": "#1d3a55",
    "add": "#6cb8f0",
    "multiply": "#ff9d52",
    "kept": "#45cfa8",
    "feedback": "#e29ad8",
    "note": "#4d4210",
}
_STYLE = """
.G{fill:<ground>}.F{fill:<panel>;stroke:none}
text{fill:<ink>}.n{fill:<faint>}
.c{fill:<chip>;stroke:<ink>}.e{fill:<panel>;stroke:<faint>}
.s{fill:<state>;stroke:<ink>}.q{fill:<note>;stroke:<ink>}
.m{fill:<chip>;stroke:<multiply>}.a{fill:<chip>;stroke:<add>}
.wa{stroke:<add>}.wm{stroke:<multiply>}.wk{stroke:<kept>}.wf{stroke:<feedback>}.wr{stroke:<faint>}
.ta{fill:<add>;stroke:none}.tm{fill:<multiply>;stroke:none}.tk{fill:<kept>;stroke:none}.tf{fill:<feedback>;stroke:none}.tr{fill:<faint>;stroke:none}
"""
_BOXES = {  # by kind: class, radius of the corners, more attributes
    "source": ("e", 11, ""),
    "read": ("e", 3, ""),
    "shared": ("m", 3, ' stroke-dasharray="1.5 2.5"'),
    "full": ("c", 2, ' stroke-width="1.8"'),
    "separable": ("c", 2, ' stroke-dasharray="5 3" stroke-width="1.8"'),
    "plain": ("c", 2, ""),
    "norm": ("c", 2, ' stroke-width="0.8"'),
    "activation": ("c", 11, ""),
    "number": ("e", 2, ""),
    "mask": ("e", 8, ' stroke-width="1.5"'),
    "delay": ("e", 2, ' stroke-dasharray="6 4"'),
    "state": ("s", 8, ' stroke-width="1.5"'),
    "put_out": ("s", 8, ' stroke-width="3"'),
    "gate": ("m", 8, ' stroke-width="1.5"'),
    "stage": ("c", 4, ' stroke-width="1.2"'),
    "tag": ("s", 8, ""),
    "effect": ("q", 7, ""),
    "only": ("q", 2, ' stroke-width="2"'),
    "changed": ("q", 2, ' stroke-width="2" stroke-dasharray="4 3"'),
}
_WIRES = {  # by kind: the letter of its classes, more attributes
    "add": ("a", ""),
    "multiply": ("m", ""),
    "kept": ("k", ""),
    "rail": ("r", ""),
    "before": ("r", ' stroke-dasharray="6 4"'),
    "shared_rail": ("m", ' stroke-dasharray="1.5 2.5"'),
    "feedback": ("f", ' stroke-dasharray="6 4"'),
}
_BOLD_FIRST = frozenset(("state", "put_out", "gate", "mask", "stage"))


def write_svg(picture: Picture, title: str, description: str) -> str:
    """A picture with its title and its description, for those who do not see it."""
    frames = "".join(map(_draw_frame, picture.frames))
    lines = "".join(map(_draw_shape, sorted(picture.shapes, key=_layer)))
    texts = "".join(map(_draw_texts, picture.shapes))
    # What a viewer shows that knows no style sheets: black on white.
    body = f'<g fill="#fff" stroke="#1b1f24">{frames}{lines}</g><g fill="#1b1f24">{texts}</g>'
    name = hashlib.sha256(f"{title}\n{description}\n{body}".encode()).hexdigest()[:10]
    width, height = picture.width + 2 * MARGIN, picture.height + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="c{name}" role="img" '
        f'aria-labelledby="c{name}t c{name}d" width="{_n(width)}" height="{_n(height)}" '
        f'style="max-width:100%;height:auto" '
        f'viewBox="{-MARGIN} {-MARGIN} {_n(width)} {_n(height)}" '
        f'font-family="{escape_markup(FONT)}" font-size="{_n(SMALL)}">'
        f'<title id="c{name}t">{escape_markup(title)}</title>'
        f'<desc id="c{name}d">{escape_markup(description, lines=True)}</desc>'
        f"<style>{_style(f'#c{name} ')}</style>"
        f'<rect class="G" fill="#fff" x="{-MARGIN}" y="{-MARGIN}" width="{_n(width)}" '
        f'height="{_n(height)}"/>{body}</svg>\n'
    )


def _style(within: str) -> str:
    """The rules for light, and for dark where that is asked for; all inside one element."""
    light, dark = (_colored(colors, within) for colors in (_LIGHT, _DARK))
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}"


def _colored(colors: dict[str, str], within: str) -> str:
    text = _STYLE.replace("\n", "")
    for name, color in colors.items():
        text = text.replace(f"<{name}>", color)
    return "".join(f"{within}{rule}}}" for rule in text.split("}") if rule)


def _layer(shape: Shape) -> int:
    """Wires lie below all else, dots on them."""
    return 0 if isinstance(shape, Wire) else 1


def _draw_frame(frame: Frame) -> str:
    return (
        f'<rect class="F" x="{_n(frame.x)}" y="{_n(frame.y)}" width="{_n(frame.width)}" '
        f'height="{_n(frame.height)}" rx="8"/>'
    )


def _draw_shape(shape: Shape) -> str:
    """A shape without its text."""
    if isinstance(shape, Wire):
        return _draw_wire(shape)
    if isinstance(shape, Mark):
        return _draw_mark(shape)
    return _draw_box(shape) if isinstance(shape, Box) else ""


def _draw_texts(shape: Shape) -> str:
    """The text of a shape."""
    if isinstance(shape, Label):
        bold = ' font-weight="bold"' if shape.bold else ' class="n"'
        size = "" if shape.size == SMALL else f' font-size="{_n(shape.size)}"'
        text = escape_markup(shape.text)
        return f'<text x="{_n(shape.x)}" y="{_n(shape.y)}"{size}{bold}>{text}</text>'
    if not isinstance(shape, Box):
        return ""
    text, y = "", shape.middle + 4 - 7 * (len(shape.lines) - 1)
    middle = _n(shape.x + shape.width / 2)
    for place, line in enumerate(shape.lines):
        bold = ' font-weight="bold"' if place == 0 and shape.kind in _BOLD_FIRST else ""
        size = f' font-size="{_n(TEXT)}"' if place == 0 and shape.kind in _LARGE else ""
        text += f'<text x="{middle}" y="{_n(y)}" text-anchor="middle"{size}{bold}>'
        text += f"{escape_markup(line)}</text>"
        y += 14
    return text


def _draw_wire(wire: Wire) -> str:
    letter, more = _WIRES[wire.kind]
    points = list(wire.points)
    head = ""
    if wire.arrow:
        (x, y), (x0, y0) = points[-1], points[-2]
        long, half = 6 + wire.weight, 2.6 + 0.75 * wire.weight
        across, down = _sign(x - x0), _sign(y - y0)
        points[-1] = (x - across * long * 0.7, y - down * long * 0.7)
        back = (x - across * long, y - down * long)
        corners = (
            (x, y),
            (back[0] - down * half, back[1] - across * half),
            (back[0] + down * half, back[1] + across * half),
        )
        head = f'<path class="t{letter}" d="M{" ".join(map(_point, corners))}z"/>'
    line = f'<path class="w{letter}" d="M{" ".join(map(_point, points))}" fill="none"'
    return f'{line} stroke-width="{_n(wire.weight)}"{more}/>{head}'


def _draw_box(box: Box) -> str:
    letter, radius, more = _BOXES[box.kind]
    head = (
        f'<rect class="{letter}" x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" '
        f'height="{_n(box.height)}" rx="{radius}"{more}'
    )
    if not box.title or box.title == box.lines[0]:
        return f"{head}/>"
    return f"{head}><title>{escape_markup(box.title)}</title></rect>"


_LARGE = _BOLD_FIRST | {"source"}


def _draw_mark(mark: Mark) -> str:
    x, y, radius = mark.x, mark.y, mark.radius
    if mark.kind in ("dot", "joint"):
        return f'<circle class="tr" cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"/>'
    letter = "a" if mark.kind == "plus" else "m"
    arm = radius * (0.55 if mark.kind == "plus" else 0.42)
    cross = (
        f"M{_n(x - arm)} {_n(y)}h{_n(2 * arm)}M{_n(x)} {_n(y - arm)}v{_n(2 * arm)}"
        if mark.kind == "plus"
        else f"M{_n(x - arm)} {_n(y - arm)}l{_n(2 * arm)} {_n(2 * arm)}"
        f"M{_n(x - arm)} {_n(y + arm)}l{_n(2 * arm)} {_n(-2 * arm)}"
    )
    return (
        f'<circle class="{letter}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" '
        f'stroke-width="1.8"/><path class="w{letter}" d="{cross}" stroke-width="1.8"/>'
    )


def _point(point: tuple[float, float]) -> str:
    return f"{_n(point[0])} {_n(point[1])}"


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


@lru_cache(maxsize=8192)
def _n(value: float) -> str:
    """A number with a decimal at most: the same text on every machine."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text
