"""docs/doctor.md is what the checks say of themselves."""

from __future__ import annotations

from search.doctor.listing import CHECKS
from search.doctor.page import PAGE, write_page


def test_the_page_is_that_of_the_checks() -> None:
    rewrite = 'python -c "from search.doctor.page import publish; publish()"'
    assert PAGE.read_text() == write_page(), f"write it anew: {rewrite}"


def test_every_fault_is_on_it_with_a_cure() -> None:
    rows = [line for line in write_page().splitlines() if line.startswith(("| fail", "| warning"))]
    assert len(rows) == sum(len(check.faults) for check in CHECKS) + 2
    cells = [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in rows]
    assert all(len(row) == 3 and all(row) for row in cells)
    assert not any("{" in cell or "}" in cell for row in cells for cell in row)
