"""The names of the faults, which the command line has without loading them."""

from __future__ import annotations

from search.drill import faults, names


def test_the_command_offers_every_fault_and_no_other() -> None:
    assert set(names.EVERYWHERE) == {*faults.FAULTS, "mlflow"}
    assert set(names.HERE) == {*faults.FAULTS, "mlflow", "node"}
