"""Robustness of several networks on the same images: shares of right answers, with intervals.

Of every network and condition the share of right answers, at the end and at each step of the
clock; whether the last step is better than the first that depends on the image, and whether it is
so by more than on clean images: what recurrence gains late. Networks are compared over the same
images, condition by condition.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from workers.data.pack import Pack
from workers.job import ScoredSplit
from workers.robustness.answers import (
    CLEAN,
    Answers,
    AttackSettings,
    Condition,
    Reader,
    answer_condition,
)
from workers.robustness.attacks import ATTACKS
from workers.robustness.corruptions import LEVELS, Images, check_channels
from workers.shares import (
    Interval,
    bound_mean,
    bound_share,
    compare_shares,
    correct_differences,
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What networks are scored under: `kinds` at `severities`, and the images as they are.

    `images` is how many of the split are shown (all, if None), `attacked` how many of these are
    attacked, which takes long: a part drawn by `seed`, the same for all networks.

    Raises InputError for a kind or a level that there is not, and for an attack that makes no
    sense.
    """

    kinds: tuple[str, ...]
    severities: tuple[int, ...] = LEVELS
    attacks: AttackSettings = field(default_factory=AttackSettings)
    images: int | None = None
    attacked: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        for condition in self.conditions:
            if condition.kind in ATTACKS:
                self.attacks.at(condition)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The clean images, then kind by kind."""
        spoilt = itertools.product(self.kinds, self.severities)
        return (Condition(), *(Condition(kind=kind, level=level) for kind, level in spoilt))


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """A network under a condition. Shares lie in 0..1, bounds are at 95 %.

    `accuracy_by_step` begins at step `first`. `late` is accuracy at the last step less that at the
    first, and `late_p` McNemar's p of it; `late_gain` is `late` less what it is on the same images
    when clean: None where the condition is clean. Its bounds are by bootstrap over images, None
    where no image differs from the others in that.
    """

    model: str
    kind: str
    severity: int
    strength: float
    images: int
    accuracy: float
    low: float
    high: float
    first: int
    accuracy_by_step: tuple[float, ...]
    low_by_step: tuple[float, ...]
    high_by_step: tuple[float, ...]
    late: float
    late_low: float
    late_high: float
    late_p: float
    late_gain: float | None = None
    late_gain_low: float | None = None
    late_gain_high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`model`'s accuracy less `against`'s under a condition, over the same images.

    `p` is McNemar's, exact, corrected by Holm for all comparisons made at once. `better` is the
    better of the two: none where the interval includes 0 or p is above 5 %.
    """

    model: str
    against: str
    kind: str
    severity: int
    images: int
    difference: float
    low: float
    high: float
    p: float
    better: str | None


@dataclass(frozen=True)
class Scores:
    """All that was scored."""

    rows: tuple[Robustness, ...]
    comparisons: tuple[Comparison, ...]


Answered = Mapping[Condition, Answers]


def score_models(
    readers: Mapping[str, Reader],
    data: Pack,
    split: ScoredSplit,
    settings: Settings,
    listen: Callable[[str, Condition], None] = lambda _model, _condition: None,
) -> Scores:
    """Score networks by name under all conditions of the settings.

    `listen` is called before each network and condition. Raises InputError for a kind that these
    images do not have.
    """
    conditions, labels = settings.conditions, data.labels(split)
    for kind in settings.kinds:
        check_channels(kind, data.channels)
    numbers = choose_images(len(labels), settings)
    images = Images(whole=data.images(split), numbers=numbers, split=split, seed=settings.seed)
    few = replace(images, numbers=numbers[: settings.attacked])
    answered: dict[str, dict[Condition, Answers]] = {}
    for name, reader in readers.items():
        answered[name] = {}
        for condition in conditions:
            listen(name, condition)
            shown = few if condition.kind in ATTACKS else images
            answered[name][condition] = answer_condition(
                reader, shown, labels, condition, settings.attacks
            )
    rows = [
        score_answers(name, condition, answers, by_condition[Condition()])
        for name, by_condition in answered.items()
        for condition, answers in by_condition.items()
    ]
    return Scores(tuple(rows), tuple(compare_models(answered)))


def choose_images(count: int, settings: Settings) -> Sequence[int]:
    """The numbers of the images of a split of `count` that are shown, in an order by seed.

    The first of them are a random part, whatever the order of the split.
    """
    order = np.random.RandomState(settings.seed).permutation(count)
    return [int(number) for number in order[: settings.images]]


def score_answers(
    model: str, condition: Condition, answers: Answers, clean: Answers
) -> Robustness:
    """The row of a network under a condition; `clean` are its answers to the images as they are,
    at least as many and in the same order.
    """
    count = len(answers.right)
    share = bound_share(int(answers.right.sum()), count)
    steps = [bound_share(int(column.sum()), count) for column in answers.by_step.T]
    late = compare_shares(answers.by_step[:, -1], answers.by_step[:, 0])
    gain: Interval | None = None
    if condition.kind != CLEAN:
        gain = bound_mean(_late(answers) - _late(clean.head(count)))
    return Robustness(
        model=model,
        kind=condition.kind,
        severity=condition.level,
        strength=condition.strength,
        images=count,
        accuracy=share.value,
        low=share.low,
        high=share.high,
        first=answers.first,
        accuracy_by_step=tuple(one.value for one in steps),
        low_by_step=tuple(one.low for one in steps),
        high_by_step=tuple(one.high for one in steps),
        late=late.value,
        late_low=late.low,
        late_high=late.high,
        late_p=late.p,
        late_gain=None if gain is None else gain.value,
        late_gain_low=None if gain is None else _defined(gain.low),
        late_gain_high=None if gain is None else _defined(gain.high),
    )


def _defined(number: float) -> float | None:
    return None if math.isnan(number) else number


def _late(answers: Answers) -> NDArray[np.int64]:
    """By image: 1 if it is right at the last step only, -1 if at the first only, else 0."""
    return answers.by_step[:, -1].astype(np.int64) - answers.by_step[:, 0]


def compare_models(answered: Mapping[str, Answered]) -> list[Comparison]:
    """Every two networks under every condition, in order, tests corrected together."""
    pairs = [
        (model, against, condition)
        for model, against in itertools.combinations(answered, 2)
        for condition in answered[model]
    ]
    differences = correct_differences(
        [
            compare_shares(answered[model][condition].right, answered[against][condition].right)
            for model, against, condition in pairs
        ]
    )
    comparisons = []
    for (model, against, condition), one in zip(pairs, differences, strict=True):
        better = model if one.value > 0 else against
        comparisons.append(
            Comparison(
                model=model,
                against=against,
                kind=condition.kind,
                severity=condition.level,
                images=len(answered[model][condition].right),
                difference=one.value,
                low=one.low,
                high=one.high,
                p=one.p,
                better=better if one.shown else None,
            )
        )
    return comparisons
