"""Reasons are counted by kind: numbers that vary do not split one."""

from space.reasons import ReasonCounter


def counted(*reasons: str) -> list[tuple[str, int]]:
    counter = ReasonCounter()
    for reason in reasons:
        counter.add(reason)
    assert counter.total == len(reasons)
    return counter.list_counted()


def test_numbers_that_vary_are_a_range() -> None:
    assert counted(
        "cells.c.edges[3].add.kernel: 5 exceeds the 4x4 map of stage b",
        "cells.c.edges[2].add.kernel: 9 exceeds the 4x4 map of stage b",
        "cells.c.edges[3].add.kernel: 7 exceeds the 4x4 map of stage b",
    ) == [("cells.c.edges[2..3].add.kernel: 5..9 exceeds the 4x4 map of stage b", 3)]


def test_amounts_with_commas_and_fractions_are_numbers() -> None:
    limit = "parameters exceed limits.parameters: 30,000"
    assert counted(f"71,306 {limit}", f"9,100,000 {limit}") == [(f"71,306..9,100,000 {limit}", 2)]
    assert counted("0.5 is small", "0.25 is small", "1e-3 is small") == [("1e-3..0.5 is small", 3)]
    assert counted("4x4 maps", "16x16 maps") == [("4x4..16x16 maps", 2)]


def test_names_with_digits_are_other_reasons_and_the_most_frequent_comes_first() -> None:
    assert counted("stage conv2 # fails", "stage conv3 fails", "stage conv3 fails") == [
        ("stage conv3 fails", 2),
        ("stage conv2 # fails", 1),
    ]
    assert counted("# 3", "# 4") == [("# 3..4", 2)], "a sign in the text is left alone"
