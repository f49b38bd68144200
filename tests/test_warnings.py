"""Warnings at lines of ours are errors in the tests; those at others' lines are theirs."""

from __future__ import annotations

import warnings

import pytest

from tests.support.shrinking import PACKAGES


def _warn(kind: type[Warning], module: str) -> None:
    warnings.warn_explicit("a warning", kind, f"{module}.py", 1, module=module)


@pytest.mark.parametrize("kind", [UserWarning, DeprecationWarning, FutureWarning, RuntimeWarning])
@pytest.mark.parametrize("module", [*PACKAGES, "space.unroll.plan"])
def test_a_warning_at_a_line_of_ours_is_an_error(kind: type[Warning], module: str) -> None:
    with pytest.raises(kind, match="a warning"):
        _warn(kind, module)


@pytest.mark.parametrize("module", ["torch.nn", "spacetime", "mlflow.models"])
def test_a_deprecation_at_a_line_of_others_is_ignored(module: str) -> None:
    _warn(DeprecationWarning, module)
    _warn(FutureWarning, module)
