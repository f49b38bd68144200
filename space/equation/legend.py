"""What the signs of an equation mean: one text, under tables and in docs/reading-equations.md."""

LEGEND: tuple[tuple[str, str], ...] = (
    ("out = A", "what a cell puts out; states on the right are of the step before"),
    ("new.hidden", "the state hidden at this step"),
    ("input, residual", "the stage's convolution; what the stage read, brought to its channels"),
    ("feedback", "what long-range edges bring, of the step before"),
    ("input5, input5s", "through a learned 5x5 convolution; s: depth-separable"),
    ("A x [1 - 0.75 tanh(B)]", "a gate multiplies all of A, and falls as tanh(B) rises"),
    ("[B] x out + A", "the state keeps its own value, as far as the gate B lets it"),
    ("… 1a2b3c", "there is more than stands here; the network's digest begins so"),
)
"""Signs and their meanings, for tables of short forms."""

MORE: tuple[tuple[str, str], ...] = (
    ("(input, out)3", "one convolution over several sources side by side"),
    ("gate = A, part = A", "written once since it is read twice, with the same weights"),
    ("scalar(A)", "A times one learned number"),
    ("position(A)", "A times a learned weight a position and channel: a peephole"),
    ("square(A)", "A times itself: one A, with its weights"),
    ("match(A), resized(A)", "a 1x1 convolution without bias; A on the cell's map, as it is"),
    ("layer_norm(A)", "the norm of A; group_norm_4 has four groups, batch_norm the batch's"),
    ("hidden{16 channels}", "in braces: where channels, weights or norms are not as elsewhere"),
    ("with decay 0, 0.75 = 0.7503", "settings of all weights and norms; numbers in full"),
)
"""What stands beside these in the long form only."""


def format_legend(*, whole: bool = False) -> str:
    """The legend as lines, of the short form or of the `whole`."""
    entries = (*LEGEND, *MORE) if whole else LEGEND
    width = max(len(sign) for sign, _ in entries)
    return "\n".join(f"{sign:<{width}}  {meaning}" for sign, meaning in entries)
