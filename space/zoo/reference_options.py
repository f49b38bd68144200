"""Reads the options of a published cell as the reference implementation names them.

A mapping of options goes in; typed values come out, one method for each kind of value, and what
nobody asked for is refused by name. Knows no cells: `space/zoo/cells.py` does.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from space.documents.validation import quote, suggestion
from space.errors import InputError
from space.network.grammar import Activation, Initial, Norm, Weights


class Options:
    """Reads the options of one cell; `done` refuses those that nobody asked for."""

    def __init__(self, kind: str, options: Mapping[str, Any]) -> None:
        self.kind, self.left = kind, dict(options)
        self.known: set[str] = set()

    def take(self, name: str, default: Any) -> Any:
        """An option as it is written, or `default`."""
        self.known.add(name)
        return self.left.pop(name, default)

    def ignore(self, *names: str) -> None:
        """Take options that bear on nothing here."""
        for name in names:
            self.take(name, None)

    def only(self, name: str, value: Any, why: str) -> None:
        """Take an option of which only one value is supported."""
        chosen = self.take(name, value)
        if chosen is not None and chosen != value:
            raise self.refuse(name, chosen, why, f"write {quote(value)}, or leave it out")

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false. Raises InputError for another value."""
        value = self.take(name, default)
        if not isinstance(value, bool):
            raise self.refuse(name, value, "is neither true nor false", "write true or false")
        return value

    def number(self, name: str, default: float) -> float:
        """A finite number. Raises InputError for another value."""
        return self._finite(name, self.take(name, default))

    def _finite(self, name: str, value: Any) -> float:
        if not _is_number(value) or not abs(value) < 1e300:
            raise self.refuse(name, value, "is not a number", "write a number")
        return value  # type: ignore[no-any-return]

    def word(self, name: str, default: str, known: tuple[str, ...]) -> str:
        """One of the words `known`. Raises InputError for another value."""
        value = self.take(name, default)
        if value not in known:
            raise self.refuse(name, value, "is not a place", suggestion(value, known))
        return str(value)

    def depth(self, name: str = "out_depth") -> int | None:
        """A number of channels, truncated; None where none is given. Raises InputError."""
        value = self.take(name, None)
        if value is not None and not (_is_number(value) and 1 <= value < 2**20):
            raise self.refuse(name, value, "is not a number of channels", "write a whole number")
        return None if value is None else int(value)

    def size(self, name: str, default: float | None = 3) -> int | None:
        """A side of a kernel: a number is truncated, a list [k, k] is the side twice."""
        value = self.take(name, default)
        if value is None and default is None:
            return None
        pair = list(value) if isinstance(value, (list, tuple)) else [value, value]
        numbers = all(_is_number(v) and 0 <= v < 2**20 for v in pair)
        if len(pair) != 2 or not numbers:
            raise self.refuse(name, value, "is not a size", "write a number, or [k, k]")
        if int(pair[0]) != int(pair[1]):
            raise self.refuse(name, value, "is not square", "kernels have one side here")
        return int(pair[0])

    def kernel(self, name: str = "filter_size") -> int:
        """A side of a kernel, 3 unless it is given."""
        size = self.size(name)
        assert size is not None
        return size

    def function(self, name: str, default: Activation) -> Activation:
        """A function of one number, by its name in TensorFlow."""
        value = self.take(name, default)
        text = "identity" if value is None else str(value).rpartition(".")[2]
        if text == "crelu":
            raise self.refuse(name, value, "doubles the channels, which the cell cannot take", "")
        known = get_args(Activation)
        if text not in known:
            raise self.refuse(
                name, value, "is not a function that is known", suggestion(text, known)
            )
        return text  # type: ignore[return-value]

    def norm(self) -> bool | Norm:
        """The layer norm that `layer_norm`, `norm_gain` and `norm_shift` ask for, or False."""
        there = self.flag("layer_norm")
        gain, shift = self.number("norm_gain", 1.0), self.number("norm_shift", 0.0)
        return Norm(kind="layer", gain=gain, shift=shift) if there else False

    def weights(self, decay: str = "weight_decay", bias_decay: str | None = None) -> Weights:
        """Initial values and L2; without a name of their own, biases are decayed as kernels."""
        kernels = self.number_or_zero(decay)
        biases = kernels if bias_decay is None else self.number_or_zero(bias_decay)
        start = self.initial("kernel_initializer", Initial(scheme="glorot_uniform"))
        return Weights(
            initial=start,
            bias_initial=self.initial("bias_initializer", None) or 0.0,
            decay=kernels,
            bias_decay=biases,
        )

    def number_or_zero(self, name: str) -> float:
        """A finite number; 0 for null."""
        value = self.take(name, None)
        return 0.0 if value is None else float(self._finite(name, value))

    def initial(self, name: str, default: Initial | None) -> Initial | None:
        """An initialiser by its name in the reference, with its keywords."""
        value, keywords = self.take(name, None), self.take(f"{name}_kwargs", None) or {}
        if not isinstance(keywords, Mapping):
            raise self.refuse(f"{name}_kwargs", keywords, "is not a mapping", "write key: value")
        words = dict(keywords)
        words.pop("seed", None)

        def scale(word: str, default: float) -> float:
            return float(self._finite(f"{name}_kwargs.{word}", words.pop(word, default)))

        text = "" if value is None else re.sub(r"_initializer$", "", str(value))
        made: dict[str, Callable[[], Initial | None]] = {
            "": lambda: default,
            "xavier": lambda: Initial(scheme="glorot_uniform"),
            "glorot_uniform": lambda: Initial(scheme="glorot_uniform"),
            "variance_scaling": lambda: Initial(scale=scale("scale", 1.0)),
            "constant": lambda: Initial(scheme="constant", scale=scale("value", 0.0)),
            "zeros": lambda: Initial(scheme="constant", scale=0.0),
            "ones": lambda: Initial(scheme="constant", scale=1.0),
        }
        if text not in made:
            raise self.refuse(
                name, value, "is not an initialiser that is known", suggestion(text, made)
            )
        initial = made[text]()
        if words:
            word = next(iter(words))
            raise self.refuse(f"{name}_kwargs", words, f"{word} cannot be set", "leave it out")
        return initial

    def refuse(self, name: str, value: Any, why: str, cure: str) -> InputError:
        """The error for an option whose value cannot be used."""
        return InputError(f"options.{name}", f"{quote(value)} {why}", cure)

    def done(self) -> None:
        """Raise InputError for an option that was not taken."""
        for name in self.left:
            raise InputError(
                f"options.{name}", f"{self.kind} has no such option", suggestion(name, self.known)
            )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
