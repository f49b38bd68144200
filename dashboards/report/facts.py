"""What a reader has to know of a campaign before its figures: facts, caveats, commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from dashboards.report.wording import (
    count_of,
    format_duration,
    format_moment,
    format_percent,
)
from dashboards.searched import Searched

_ENDED = ("finished", "pruned", "infeasible", "failed")
_OVER = ("finished", "stopped", "failed")


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A name and what stands beside it."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command line, and what it is good for."""

    text: str
    purpose: str


def count_ended(searched: Searched) -> int:
    """The trials that have ended, in whatever way."""
    return int(searched.trials["status"].isin(_ENDED).sum())


def count_statuses(searched: Searched) -> str:
    """How many trials there are of each status: "120 finished, 3 failed"."""
    counts = searched.trials["status"].value_counts()
    order = [*_ENDED, "running", "waiting"]
    return ", ".join(f"{counts[one]:,} {one}" for one in order if counts.get(one))


def describe_state(searched: Searched) -> str:
    """One sentence: how far the campaign is, and what it came to."""
    trials, asked = len(searched.trials), searched.settings.budget.trials
    text = f"{count_of(count_ended(searched), 'trial')} of {asked:,} ended"
    if trials == count_ended(searched) and searched.state == "finished":
        text = count_of(trials, "trial")
    scored = searched.suggested.dropna(subset=["top1"])
    if len(scored):
        best = scored.iloc[int(scored["top1"].argmax())]
        text += f", the best at {format_percent(best['top1'])} top-1 on {best['split']}"
    if searched.state not in ("finished",):
        text += f"; the campaign is {searched.state}"
        text += f" ({searched.reason})" if searched.reason else ""
    return f"{text}."


def list_facts(searched: Searched) -> tuple[Fact, ...]:
    """Space, data, splits, training, sampler, scheduler, budget, trials, time, machine."""
    settings = searched.settings
    sampler = settings.sampler
    controls = ", ".join(searched.space.controls) or "none"
    if searched.space.controls and settings.control_seeds > 1:
        controls += f", with {settings.control_seeds} seeds each"
    facts = [
        ("Tags", ", ".join(searched.label.tags)),
        ("Note", searched.label.note or ""),
        ("Space", _describe_space(searched)),
        ("Data", _describe_data(searched)),
        ("Splits", _describe_splits(searched)),
        ("Training", _describe_recipe(searched)),
        ("Sampler", _with_options(sampler.name, sampler.options)),
        ("Scheduler", _describe_scheduler(searched)),
        ("Budget", _describe_budget(searched)),
        ("Trials", count_statuses(searched) or "none"),
        ("Controls", controls),
        ("Seed", str(settings.seed)),
        ("When", _describe_time(searched)),
        ("Machine", searched.machine or ""),
    ]
    return tuple(Fact(name=name, text=text) for name, text in facts if text)


def _describe_space(searched: Searched) -> str:
    space = searched.space
    count = space.count()
    size = f"{count_of(count.parameters, 'choice')}, {count.conditional} of them conditional"
    about = f" ({space.description})" if space.description else ""
    return f"{space.name}{about}: {size}, about 10^{count.log10:.0f} networks"


def _describe_data(searched: Searched) -> str:
    data = searched.data
    spec = data.get("spec") or searched.settings.data.model_dump()
    shape = ""
    if data.get("size"):
        colour = {1: "grey", 3: "colour"}.get(data.get("channels", 0), "")
        shape = f", {colour} images of {data['size']} pixels".replace("  ", " ")
    classes = data.get("classes") or ()
    guess = data.get("guess")
    chance = "" if guess is None else f", guessing scores {format_percent(guess)}"
    number = count_of(len(classes), "class", "classes")
    return f"{spec.get('name', 'unknown')}{shape}, {number}{chance}"


def _describe_splits(searched: Searched) -> str:
    counts = searched.data.get("counts") or {}
    parts = [f"{number:,} {name}" for name, number in counts.items()]
    split = searched.data.get("split")
    decides = f"; the search decides by {split}" if split else ""
    return ", ".join(parts) + decides


def _describe_recipe(searched: Searched) -> str:
    recipe = searched.settings.recipe
    epochs = count_of(searched.full_epochs, "epoch")
    return f"{epochs}, batches of {recipe.batch_size}, {recipe.optimiser}, {recipe.schedule} rate"


def _describe_scheduler(searched: Searched) -> str:
    scheduler = searched.settings.scheduler
    if scheduler.name != "asha":
        return _with_options(scheduler.name, scheduler.options)
    grace = count_of(scheduler.grace(searched.full_epochs), "epoch")
    factor = f"{scheduler.reduction_factor:g}"
    return f"asha: the first rung after {grace}, 1 of {factor} goes on at each"


def _with_options(name: str, options: Any) -> str:
    written = ", ".join(f"{key}={value}" for key, value in dict(options).items())
    return f"{name} ({written})" if written else str(name)


def _describe_budget(searched: Searched) -> str:
    budget = searched.settings.budget
    parts = [count_of(budget.trials, "trial")]
    if budget.seconds is not None:
        parts.append(format_duration(budget.seconds))
    if budget.device_hours is not None:
        parts.append(f"{budget.device_hours:g} device hours")
    if budget.epochs is not None:
        parts.append(count_of(budget.epochs, "epoch"))
    return ", ".join(parts)


def _describe_time(searched: Searched) -> str:
    begun, ended = searched.trials["created"].min(), searched.trials["ended"].max()
    took = format_duration(searched.seconds)
    until = format_moment(ended) if searched.state in _OVER else f"now {searched.state}"
    return f"{format_moment(begun)} to {until}; drivers ran for {took}"


def list_caveats(searched: Searched) -> tuple[str, ...]:
    """What these numbers do not show: sentences."""
    return tuple(
        text
        for text in (
            _warn_of_state(searched),
            _warn_of_selection(searched),
            _warn_of_stopped(searched),
            _warn_of_lost(searched),
            _describe_openings(searched),
        )
        if text
    )


def _warn_of_state(searched: Searched) -> str:
    if searched.state in _OVER:
        return ""
    return f"The campaign is {searched.state}: this is what it had found when the page was made."


def _warn_of_selection(searched: Searched) -> str:
    scored = int(searched.suggested["top1"].notna().sum())
    if not scored:
        return "No network of the search has a score yet."
    split = searched.suggested["split"].iloc[0]
    images = (searched.data.get("counts") or {}).get(split)
    by = f" by {images:,} images" if images else ""
    return (
        f"Scores are of the {split} split, by which the search chose: the best of "
        f"{count_of(scored, 'network')}, chosen{by}, is partly luck."
    )


def _warn_of_stopped(searched: Searched) -> str:
    pruned = int((searched.suggested["status"] == "pruned").sum())
    if not pruned:
        return ""
    were = "was" if pruned == 1 else "were"
    return (
        f"{count_of(pruned, 'training')} of {len(searched.suggested):,} {were} stopped early: "
        f"scores of fewer epochs than {searched.full_epochs} are not comparable with full ones."
    )


def _warn_of_lost(searched: Searched) -> str:
    counts = searched.suggested["status"].value_counts()
    parts = []
    if failed := int(counts.get("failed", 0)):
        parts.append(f"{failed:,} failed")
    if infeasible := int(counts.get("infeasible", 0)):
        parts.append(f"{infeasible:,} were over a limit or no network, and never trained")
    return f"Without a score: {'; '.join(parts)}." if parts else ""


def _describe_openings(searched: Searched) -> str:
    opened = [one for one in searched.openings if one.split == "test"]
    if not opened:
        return "The test split was not opened for this campaign."
    last = max(opened, key=lambda one: one.at)
    often = "once" if len(opened) == 1 else f"{len(opened)} times"
    when = format_moment(datetime.fromtimestamp(last.at, UTC))
    return f"The test split was opened {often}, at last on {when} by {last.who}: {last.command}"


def list_commands(campaigns: Sequence[Searched]) -> tuple[Command, ...]:
    """How to look again, and how to do it again."""
    ids = [one.id for one in campaigns]
    files = ["--figures", "figures", "--json", "report.json"]
    commands = [
        (["report", *ids, *files], "this page again, its figures as files, its numbers as JSON")
    ]
    for one in campaigns:
        again = ["--set", f"name={one.settings.name}-again"]
        seed = ["--set", f"seed={one.settings.seed + 1}"]
        commands += [
            (["top", one.id], "the best cells"),
            (["replay", one.id], "derives every decision of the search once more"),
            (["submit", "--from", one.id, *again, *seed], "the same search from another seed"),
            (
                ["certify", one.id, "--matched", "--top", "2", "--seeds", "5"],
                "whether it is the recurrence",
            ),
            (["export", one.id, "--top", "3", "--to", "cells"], "cells that load anywhere"),
        ]
    return tuple(
        Command(text=shlex.join(["ventral", *words]), purpose=purpose)
        for words, purpose in commands
    )


def write_campaign_file(searched: Searched) -> str:
    """The campaign file with every default written out, as `ventral submit` takes it."""
    return yaml.safe_dump(searched.settings.document(), sort_keys=False, allow_unicode=True)


def join_names(campaigns: Iterable[Searched]) -> str:
    """a; a and b; a, b and c."""
    *first, last = [one.name for one in campaigns]
    return f"{', '.join(first)} and {last}" if first else last
