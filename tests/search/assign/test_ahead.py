"""Suggestions that are made ahead, in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from search import samplers
from search.assign.ahead import Ahead
from search.assign.journal import OutcomeEntry
from search.assign.suggesting import Suggester, Suggestion
from search.samplers import Outcome
from tests.support import toys
from tests.support.waiting import GUARD, wait_until


def suggester(name: str = "random", **options: Any) -> Suggester:
    campaign, space = toys.campaign(), toys.space()
    return Suggester(samplers.make(name, space, 1, options), space, campaign)


def paused(made: Suggester) -> tuple[Suggester, threading.Semaphore]:
    """A suggester that thinks, each time, until the semaphore is released."""
    suggest, permits = made.suggest, threading.Semaphore(0)

    def thinking() -> Suggestion | None:
        permits.acquire(timeout=GUARD)
        return suggest()

    made.suggest = thinking  # type: ignore[method-assign]
    return made, permits


@pytest.fixture
def ahead() -> Iterator[list[Ahead]]:
    """Those that are to be closed."""
    opened: list[Ahead] = []
    before = threading.active_count()
    yield opened
    for one in opened:
        one.close()
    assert threading.active_count() == before


def test_what_comes_from_the_thread_is_what_comes_without_it(ahead: list[Ahead]) -> None:
    direct, made = suggester(), Ahead(suggester())
    ahead.append(made)
    for _ in range(12):
        assert made.suggest() == direct.suggest()


def test_nobody_waits_for_what_was_made_ahead(ahead: list[Ahead]) -> None:
    source, permits = paused(suggester())
    made = Ahead(source)
    ahead.append(made)
    assert not made.ready()
    permits.release(2)
    assert made.suggest() is not None
    assert made.ready(GUARD), "the second one, during an epoch"
    # Whoever waited for the sampler now would wait for ever.
    assert made.suggest() is not None
    assert not made.ready()
    permits.release()


def test_waiting_has_a_limit(ahead: list[Ahead]) -> None:
    source, permits = paused(suggester())
    made = Ahead(source)
    ahead.append(made)
    assert not made.ready(0.1), "although the sampler goes on thinking"
    soon = threading.Timer(0.05, permits.release)
    soon.start()
    assert made.ready(GUARD), "it waits for as long as is said"
    soon.join()


def test_where_trials_are_slow_a_suggestion_knows_every_result(
    ahead: list[Ahead], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made ahead, it would not know what arrives while it waits."""
    now = [0.0]
    monkeypatch.setattr("search.assign.ahead.time.monotonic", lambda: now[0])
    source, suggest = suggester(), Suggester.suggest

    def thinking() -> Suggestion | None:
        now[0] += 0.003
        return suggest(source)

    source.suggest = thinking  # type: ignore[method-assign]
    made = Ahead(source)
    ahead.append(made)
    known = []
    for number in range(6):
        suggestion = made.suggest()
        assert suggestion is not None
        known.append(suggestion.calls)
        # The thread is idle again; nothing that is public says so.
        wait_until(lambda: not made._wanted, pause=0.001)  # noqa: SLF001
        now[0] += 0.3  # a hundred times what the suggestion took
        made.tell(number, Outcome(score=0.5, fidelity=1.0))
    assert known[0] == ()
    # The first one after the start is made ahead: it is not known then how fast trials are.
    numbers = [
        [call.number for call in calls if isinstance(call, OutcomeEntry)] for calls in known[2:]
    ]
    assert numbers == [[0, 1], [2], [3], [4]]


def test_an_error_of_the_sampler_is_the_driver_s(ahead: list[Ahead]) -> None:
    broken = suggester()

    def suggest() -> Suggestion | None:
        raise ZeroDivisionError("the model is singular")

    broken.suggest = suggest  # type: ignore[method-assign]
    made = Ahead(broken)
    ahead.append(made)
    assert made.ready(GUARD), "it is not waited for any more"
    with pytest.raises(ZeroDivisionError, match="singular"):
        made.suggest()


def test_controls_come_before_suggestions(ahead: list[Ahead]) -> None:
    made = Ahead(suggester())
    ahead.append(made)
    assert made.control("0" * 16, {}, 0) == 0
    assert made.control("0" * 16, {}, 0) is None, "it is known"
    assert made.control("0" * 16, {}, 1) == 1, "with another seed it is another training"
    first = made.suggest()
    assert first is not None
    assert first.number == 2
    with pytest.raises(RuntimeError, match="before suggestions"):
        made.control("1" * 16, {}, 0)
