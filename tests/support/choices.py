"""Drawn documents with choices in them."""

import random
from typing import Any

from hypothesis import strategies as st

KEYS = st.sampled_from(["a", "b", "width", "odd key", "x->y"])
SCALARS = st.one_of(st.integers(-3, 3), st.sampled_from(["tanh", "elu", "1"]), st.none())
RANDOM = st.integers(0, 2**32 - 1).map(random.Random)


def unique(values: list[Any]) -> list[Any]:
    """The values without those that came before, in order."""
    return list(dict.fromkeys(values))


def documents(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Documents with choices nested in choices, mappings and lists."""

    def wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(
            st.dictionaries(KEYS, inner, min_size=1, max_size=3),
            st.lists(inner, min_size=1, max_size=3),
            st.dictionaries(st.sampled_from("pqr"), inner, min_size=1, max_size=3).map(
                lambda options: {"choice": options}
            ),
            inner.map(lambda subtree: {"optional": subtree}),
        )

    scalar_choice = st.lists(SCALARS, min_size=1, max_size=3).map(
        lambda options: {"choice": unique(options)}
    )
    leaves = st.one_of(SCALARS, scalar_choice, numbers)
    return st.dictionaries(KEYS, st.recursive(leaves, wider, max_leaves=6), max_size=3)


WHOLE = st.tuples(st.integers(-5, 5), st.integers(0, 2)).map(
    lambda pair: {"integers": [pair[0], pair[0] + pair[1]]}
)
REAL = st.sampled_from(
    [{"uniform": [-1, 2.5]}, {"loguniform": [1e-3, 1e-1]}, {"logintegers": [1, 64]}]
)
DISCRETE = documents(WHOLE)
MIXED = documents(st.one_of(WHOLE, REAL))
