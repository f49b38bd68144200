"""How long a sampler thinks about a question, beside the library that it is made of.

    python -m benchmarks.suggestions --points 5000

Every sampler is told the same points of `motifs-2018` (finished, stopped early, failed, and the
last four pending), and asked a few questions. Optuna's study and HyperOpt's `suggest`, told the
same, answer in the same process: their answers are those of our samplers
(tests/search/test_samplers.py), so the ratio is what the tables of ours save.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from search import samplers
from search.samplers import Choices, Outcome, replay, via_hyperopt
from search.samplers.protocol import draw_point, key
from search.samplers.via_optuna import FIDELITY_STEPS, Encoding
from space.space import Space

Calls = list[tuple[Choices, Outcome | None]]


def history(space: Space, points: int, seed: int) -> Calls:
    """Points that were asked for and told in every way, the last four of them pending."""
    rng = random.Random(seed)
    calls: Calls = []
    points_so_far: list[Choices] = []
    for number in range(points):
        points_so_far.append(draw_point(space.parameters, rng))
        calls.append((points_so_far[-1], None))
        if number >= 4:
            score = round(rng.random(), 6)
            kinds = (
                Outcome(score=score, fidelity=1.0),
                Outcome(score=score, fidelity=rng.choice([0.25, 0.5])),
                Outcome(reason="diverged"),
            )
            calls.append((points_so_far[number - 4], rng.choice(kinds)))
    return calls


class OptunaItself:
    """A study of Optuna's with its multivariate TPE, told what our sampler was told."""

    def __init__(self, space: Space, calls: Calls) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._encoding = Encoding(space)
        self._study = study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.RandomSampler(0)
        )
        distributions = dict(self._encoding.distributions)
        waiting: dict[str, list[optuna.Trial]] = {}
        for choices, outcome in calls:
            if outcome is None:
                study.enqueue_trial(self._encoding.slots(choices))
                waiting.setdefault(key(choices), []).append(study.ask(distributions))
                continue
            trial = waiting[key(choices)].pop(0)
            if outcome.final:
                study.tell(trial, outcome.score)
            elif outcome.score is None:
                trial.set_constraint("has a score", 1.0)
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                trial.report(outcome.score, step=round(outcome.fidelity * FIDELITY_STEPS))
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)

        class Joint(optuna.samplers.TPESampler):
            def infer_relative_search_space(self, *_: object) -> Any:
                return distributions

        self._sampler = Joint

    def ask(self, seed: int) -> Choices:
        """The next point; it is pending from then on."""
        self._study.sampler = self._sampler(multivariate=True, n_startup_trials=0, seed=seed)
        trial = self._study.ask(dict(self._encoding.distributions))
        return self._encoding.open(trial.params)


class HyperoptItself:
    """HyperOpt's `Trials` and `tpe.suggest`, told what our sampler was told."""

    def __init__(self, space: Space, calls: Calls) -> None:
        from hyperopt import STATUS_NEW, STATUS_OK
        from hyperopt.base import Domain, Trials

        self._parameters = parameters = {p.path: p for p in space.parameters}
        self._domain = domain = Domain(lambda _point: 0.0, via_hyperopt.nest(space.parameters))
        self._trials = trials = Trials()
        documents: list[dict[str, Any]] = []
        waiting: dict[str, list[dict[str, Any]]] = {}
        for choices, outcome in calls:
            if outcome is None:
                number = len(documents)
                encoded = {
                    path: via_hyperopt.encode(parameters[path].domain, choice)
                    for path, choice in choices.items()
                }
                here = {path: [encoded[path]] if path in encoded else [] for path in parameters}
                misc = {
                    "tid": number,
                    "cmd": domain.cmd,
                    "workdir": domain.workdir,
                    "idxs": {path: [number] if path in encoded else [] for path in parameters},
                    "vals": here,
                }
                documents += trials.new_trial_docs(
                    [number], [None], [{"status": STATUS_NEW}], [misc]
                )
                waiting.setdefault(key(choices), []).append(documents[-1])
            elif outcome.score is not None:
                loss = via_hyperopt.loss(outcome.score, outcome.fidelity)
                document = waiting[key(choices)].pop(0)
                document["result"] = {"status": STATUS_OK, "loss": loss}
        trials.insert_trial_docs(documents)
        trials.refresh()

    def ask(self, seed: int) -> Choices:
        """The next point. It is not put among the trials."""
        from hyperopt import tpe

        number = len(self._trials.trials)
        [document] = tpe.suggest(
            [number], self._domain, self._trials, seed, n_startup_jobs=0, verbose=False
        )
        return {
            path: via_hyperopt.decode(self._parameters[path].domain, values[0])
            for path, values in document["misc"]["vals"].items()
            if values
        }


LIBRARIES: dict[str, type[OptunaItself | HyperoptItself]] = {
    "optuna": OptunaItself,
    "hyperopt": HyperoptItself,
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """CPU seconds of each question to a sampler, and to the library beneath it if there is one."""

    sampler: str
    seconds: tuple[float, ...]
    library: tuple[float, ...] | None


def measured(space: Space, points: int, questions: int) -> list[Row]:
    """All samplers, told `points` points of `space` and asked `questions` questions."""
    calls, rows = history(space, points, 1), []
    for name in samplers.NAMES:
        sampler = samplers.make(name, space, 0)
        replay(sampler, calls)
        ours = tuple(_timed(sampler.ask) for _ in range(questions))
        theirs = None
        if (library := LIBRARIES.get(name)) is not None:
            model = library(space, calls)
            theirs = tuple(_timed(partial(model.ask, 0)) for _ in range(questions))
        rows.append(Row(sampler=name, seconds=ours, library=theirs))
    return rows


def _timed(ask: Callable[[], object]) -> float:
    began = time.process_time()
    ask()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--points", type=int, default=5000)
    parser.add_argument("--questions", type=int, default=9)
    chosen = parser.parse_args()
    print(f"{chosen.points} points of motifs-2018; CPU seconds a question: median, first")
    for row in measured(Space.load("motifs-2018"), chosen.points, chosen.questions):
        ours = statistics.median(row.seconds)
        line = f"{row.sampler:10} {ours:8.4f} {row.seconds[0]:8.4f}"
        if row.library is not None:
            theirs = statistics.median(row.library)
            line += f"   the library itself {theirs:8.4f}, {theirs / ours:.1f} x"
        print(line, flush=True)


if __name__ == "__main__":
    main()
