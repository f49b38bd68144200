"""The words of the notation: what each stands for in the full grammar, and where it may stand.

The reference page docs/notation.md shows these tables, and the reader and the writer of phrases
both go by them.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from space.network.grammar import Activation, Initial, Norm

Place = Literal["term", "gate", "state", "drive", "convolution", "weights"]

ACTIVATIONS: tuple[str, ...] = get_args(Activation)
SCHEMES: tuple[str, ...] = get_args(Initial.model_fields["scheme"].annotation)
NORMS: tuple[str, ...] = get_args(Norm.model_fields["kind"].annotation)
OPS = {
    "direct": "identity",
    "conv": "convolution",
    "convolution": "convolution",
    "separable": "separable",
    "position": "position",
    "scalar": "scalar",
    "match": "match",
}
"""What an edge does to its sources, by word: the operation of the grammar."""
OP_WORDS = {op: word for word, op in reversed(OPS.items())}
"""The word of an operation, the first one of several."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word and what follows it; the fields that it sets, where it may stand, what it means."""

    form: str
    sets: str
    places: tuple[Place, ...]
    meaning: str

    @property
    def head(self) -> str:
        """The word itself, or both of two."""
        return " ".join(part for part in self.form.split() if part.islower())


_ANY: tuple[Place, ...] = ("term", "gate", "state", "drive", "convolution")
_WEIGHTED: tuple[Place, ...] = ("term", "convolution", "weights")

WORDS = (
    Word(
        form="k N",
        sets="kernel",
        places=("term", "convolution"),
        meaning="a kernel of N x N; behind several, `up to map` offers those that fit the map",
    ),
    Word(form="stride N", sets="stride", places=("convolution",), meaning="its stride"),
    Word(
        form="unbiased",
        sets="bias: false",
        places=("term", "convolution"),
        meaning="without a learned bias",
    ),
    Word(
        form="repeated",
        sets="repeat: true",
        places=("term",),
        meaning="one more depthwise kernel and an ELU in front of a separable kernel",
    ),
    Word(
        form="skip",
        sets="skip: true",
        places=("term",),
        meaning="the sources themselves are added to the result",
    ),
    Word(form="squared", sets="squared: true", places=("term",), meaning="times itself"),
    Word(
        form="after norm",
        sets="after_norm: true",
        places=("term",),
        meaning="added after the norm of the sum",
    ),
    Word(
        form="cut to map",
        sets="clip: true",
        places=("term",),
        meaning="the kernel is cut to the map where it is larger",
    ),
    Word(form="uncut", sets="clip: false", places=("term",), meaning="the kernel is never cut"),
    Word(
        form="falling N",
        sets="offset: N, scale: -N",
        places=("gate",),
        meaning="the gate falls from N: N * (1 - nonlinearity)",
    ),
    Word(form="offset N", sets="offset", places=("gate",), meaning="added to the nonlinearity"),
    Word(form="scale N", sets="scale", places=("gate",), meaning="times the nonlinearity"),
    Word(
        form="bias N",
        sets="bias",
        places=("gate", "drive"),
        meaning="a constant beside the sum, not learned; `bias N beside conv` acts only beside a "
        "full convolution",
    ),
    Word(
        form="norm KIND",
        sets="norm",
        places=_ANY,
        meaning=f"one of {', '.join(NORMS)} (by default layer); behind it `groups N`, "
        "`interleaved`, `epsilon N`, `gain N`, `shift N`, `momentum N`",
    ),
    Word(
        form="reads feedback",
        sets="reads_feedback: true",
        places=("convolution",),
        meaning="the convolution reads the feedback that arrives",
    ),
    Word(
        form="init SCHEME N",
        sets="weights.initial",
        places=_WEIGHTED,
        meaning=f"first values of kernels: {', '.join(SCHEMES)}, its scale, `parts N`",
    ),
    Word(
        form="biases N",
        sets="weights.bias_initial",
        places=_WEIGHTED,
        meaning="first values of biases: a number, or a scheme and its scale",
    ),
    Word(form="decay N", sets="weights.decay", places=_WEIGHTED, meaning="L2 of the kernels"),
    Word(
        form="bias decay N",
        sets="weights.bias_decay",
        places=_WEIGHTED,
        meaning="L2 of the biases",
    ),
)


def list_words(*places: Place) -> list[str]:
    """The first words that may stand in any of those places."""
    heads = [word.head.split()[0] for word in WORDS if set(word.places) & set(places)]
    if set(places) - {"weights"}:
        heads += ACTIVATIONS
    if "term" in places:
        heads += OPS
    return list(dict.fromkeys(heads))


def write_word_table() -> str:
    """The table of all words in Markdown, as docs/notation.md shows it."""
    where = {
        "term": "edge",
        "gate": "gate",
        "state": "state",
        "drive": "drive",
        "convolution": "stage",
        "weights": "kernels",
    }
    rows = ["| word | where | meaning | in the full grammar |", "|---|---|---|---|"]
    for word in WORDS:
        places = ", ".join(where[place] for place in word.places)
        rows.append(f"| `{word.form}` | {places} | {word.meaning} | `{word.sets}` |")
    ops = ", ".join(f"`{name}`" for name in OPS)
    rows.append(f"| {ops} | edge | what is done to the sources | `op` |")
    functions = ", ".join(f"`{name}`" for name in ACTIVATIONS)
    places = "edge, gate, state, drive, stage"
    rows.append(f"| {functions} | {places} | an activation | `activation`, `nonlinearity` |")
    return "\n".join(rows) + "\n"
