"""Every verdict of every check, from facts: a case for each fault, and what is well."""

from __future__ import annotations

import pytest

from search.doctor.listing import CHECKS
from search.doctor.protocol import AnyCheck
from tests.support.sick_places import SICK, WELL, Case


@pytest.mark.parametrize("case", SICK, ids=str)
def test_a_fault_is_seen_in_the_facts(case: Case) -> None:
    (verdict,) = case.check.judge(case.facts)
    assert verdict.fault is getattr(case.check, case.fault)
    assert case.part in verdict.text
    assert verdict.cure
    assert "{" not in verdict.text + verdict.cure


@pytest.mark.parametrize("case", WELL, ids=str)
def test_what_is_well_is_described(case: Case) -> None:
    assert list(case.check.judge(case.facts)) == []
    assert case.part in case.check.describe(case.facts)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_each_check_has_a_case_for_each_of_its_faults(check: AnyCheck) -> None:
    kind = type(check)
    faults = {id(fault): name for name, fault in vars(kind).items() if fault in check.faults}
    cases = {case.fault for case in SICK if type(case.check) is kind}
    assert cases == set(faults.values())
    assert any(type(case.check) is kind for case in WELL)
    assert len(faults) == len(check.faults)


def test_checks_have_names_of_their_own_and_run_somewhere() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    for check in CHECKS:
        assert check.drives or check.trains
        assert check.seconds > 0
        assert check.about
