"""What an early-stopping rule is: it takes every epoch's report and says who stops there.

The contract, which the conformance suite (`ventral.testing.EarlyStoppingSuite`) holds rules to:

Determinism. A judgement is a function of the plan, the options and the reports so far in the order
of their arrival, and of nothing else: no clock, no global random numbers, no files. A resumed
campaign makes a fresh rule and puts all reports on record before it again, in that order; `replay`
does the same. Such calls cost microseconds.

Reports. Of a training they come epoch by epoch, those of different trainings in any order, each
once and each with a score. A training that ends sends no more of them; one that stopped anyway
(an earlier driver did not live to stop it; a control is never stopped) may send more.

Judgements. Each is about the training of the report alone: to stop another one is to say so at its
next report. Before the grace epochs, and at the last epoch, the answer changes nothing.

Rules know no Ray, no database and no network.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """The trainings of a campaign: at most `epochs` each, none stopped before `grace` of them.

    `seed` is the campaign's, for rules that draw (`search.samplers.protocol.derive_seed`).
    """

    epochs: int
    grace: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """What is known of the training `trial` after an epoch (from 1), on the validation images.

    `top1` lies in 0..1, larger is better. `loss` is the mean cross entropy in nats (nan if it is
    not known), `accuracy_by_step` top-1 at every step of the clock, `costs` are the campaign's
    further objectives in their order, smaller is better.
    """

    trial: int
    epoch: int
    top1: float
    loss: float = float("nan")
    accuracy_by_step: tuple[float, ...] = ()
    costs: tuple[float, ...] = ()


class EarlyStopping(Protocol):
    """One campaign's rule. See the module for the contract."""

    def judge(self, report: EpochReport, /) -> bool:
        """Take a report: whether its training stops there."""
        ...


class OfferedEarlyStopping(EarlyStopping, Protocol):
    """A kind of rule. It may have `several = True`, if it weighs the costs of reports too."""

    @property
    def Options(self) -> type[BaseModel]:
        """The rule's own settings, as `scheduler.options` of a campaign file has them."""
        ...

    def __init__(self, plan: TrainingPlan, options: Any, /) -> None:
        """A rule that has seen no report."""
        ...
