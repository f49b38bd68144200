"""Three searches of one space at the poster's scale: 5,000 trainings by the default sampler, and
2,000 each by HyperOpt's TPE and at random.

    python -m benchmarks.search_at_scale --home FOLDER [--sampler random ...] [--trials N]
    python -m benchmarks.search_at_scale --home FOLDER --export dashboards/examples
    python -m benchmarks.search_at_scale --summary [docs/search-at-scale.md]

The space is `motifs-small` with learning rates up to 0.1, at which some networks do not learn; the
images are occluded digits of 8 pixels, of which a third is the validation split. Interrupted, the
same command goes on where it stopped.

`--export` writes the data set that comes with Ventral, one file a campaign, from a home whose
searches have ended or still run; the home stays as it is. `--summary` prints what the data set
shows, or writes it into a page, between the lines BEGIN and END.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.figures.compare import draw_compare
from dashboards.figures.files import draw_svg
from dashboards.saved import ENDING, example_names, load_example, save_searched
from dashboards.searched import Searched, read_searched
from search.store import Store
from space.space import Space

Numbers = NDArray[np.float64]

VENTRAL = Path(sys.executable).with_name("ventral")
TRIALS = {"random": 2000, "hyperopt": 2000, "guided": 5000}
LEARNING_RATES = [1e-3, 1e-1]
CAMPAIGN: dict[str, Any] = {
    "data": {"name": "digits-occluded", "size": 8, "copies": 1, "validation": 400},
    "recipe": {"epochs": 9, "batch_size": 64, "warmup_epochs": 1, "clip": {"norm": 1.0}},
    "scheduler": {"name": "asha", "grace_epochs": 1, "reduction_factor": 3},
    "control_seeds": 5,
    "keep": 5,
    "seed": 1,
}


def main() -> None:
    chosen = _arguments()
    if chosen.summary is not None:
        searches = [load_example(name) for name in TRIALS if name in example_names()]
        if chosen.summary == PRINTED:
            print(summarise(searches))
        else:
            write_summary(summarise(searches), Path(chosen.summary))
            if (figure := draw_compare(searches)) is not None:
                Path(chosen.summary).with_suffix(".svg").write_text(draw_svg(figure))
        return
    if chosen.export:
        for file in export_searches(chosen.home, chosen.export):
            print(f"{file}: {file.stat().st_size} bytes")
        return
    chosen.home.mkdir(parents=True, exist_ok=True)
    for sampler in chosen.sampler:
        run_search(chosen.home, sampler, chosen.trials or TRIALS[sampler])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--home", type=Path, help="a folder, kept afterwards")
    parser.add_argument("--export", type=Path, metavar="FOLDER", help="write the data set there")
    parser.add_argument("--summary", nargs="?", const=PRINTED, metavar="PAGE")
    parser.add_argument("--sampler", nargs="+", choices=TRIALS, default=list(TRIALS))
    parser.add_argument("--trials", type=int, help="of each sampler, in place of the poster's")
    chosen = parser.parse_args()
    if chosen.summary is None and chosen.home is None:
        parser.error("--home is missing: the folder of the searches")
    return chosen


def run_search(home: Path, sampler: str, trials: int) -> None:
    """Start one sampler's search, or go on with it. Raises CalledProcessError if it fails."""
    begun = (home / "home" / "store.db").exists()
    listed = json.loads(_run(home, "list", "-o", "json", capture=True)) if begun else []
    if any(campaign["name"] == sampler for campaign in listed):
        _run(home, "resume", sampler, "--set", f"budget.trials={trials}")
        return
    space = Space.load("motifs-small").document()
    space["recipe"]["learning_rate"]["loguniform"] = LEARNING_RATES
    document = CAMPAIGN | {
        "name": sampler,
        "space": space,
        "sampler": {"name": sampler},
        "budget": {"trials": trials},
    }
    file = home / f"{sampler}.yaml"  # JSON is YAML
    file.write_text(json.dumps(document))
    _run(home, "submit", str(file), "--no-estimate")


def _run(home: Path, *arguments: str, capture: bool = False) -> str:
    """What a command of Ventral's prints, if it is captured."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VENTRAL", "MLFLOW"))}
    environment["VENTRAL_HOME"] = str(home / "home")
    stdout = subprocess.PIPE if capture else None
    done = subprocess.run(
        [str(VENTRAL), *arguments], cwd=home, env=environment, check=True, stdout=stdout, text=True
    )
    return done.stdout or ""


def export_searches(home: Path, folder: Path) -> list[Path]:
    """Write the campaigns of a home, as far as they are on record, as files into a folder.

    Reads a copy of its store: a driver that is at work is not disturbed, and a store of an earlier
    version stays of that version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "store.db"
        source = f"file:{home / 'home' / 'store.db'}?mode=ro"
        with (
            closing(sqlite3.connect(source, uri=True)) as kept,
            closing(sqlite3.connect(copy)) as to,
        ):
            kept.backup(to)
            # Nobody drives the copy.
            to.execute("UPDATE campaigns SET driver = NULL WHERE driver IS NOT NULL")
            to.commit()
        store = Store.open(f"sqlite:///{copy}")
        try:
            known = {record.name for record in store.campaigns.all()}
            for name in TRIALS:
                if name in known:
                    file = folder / f"{name}{ENDING}"
                    save_searched(read_searched(store, name), file)
                    written.append(file)
        finally:
            store.close()
    return written


# ------------------------------------------------------------------------------------- summary

PRINTED = "-"
BEGIN, END = "<!-- what the data set shows -->", "<!-- end -->"
MILESTONES = (100, 300, 500, 1000, 1500, 1900, 3000, 4900)
WINDOW = 200
"""The running mean is over so many trials."""


def summarise(searches: Sequence[Searched]) -> str:
    """The tables of docs/search-at-scale.md, in Markdown."""
    return "\n".join(_lines(searches))


def _lines(searches: Sequence[Searched]) -> Iterator[str]:
    yield "| sampler | trials | to the end | at chance | best top-1 | at trial | core hours |"
    yield "|---|---|---|---|---|---|---|"
    for one in searches:
        ran = one.suggested[one.suggested["epochs"] > 0]
        final = _final(one)
        best = int(np.argmax(final))
        hours = ran["seconds"].sum() / 3600
        yield (
            f"| `{one.name}` | {len(ran)} | {np.isfinite(final).sum()} | "
            f"{_is_chance(one).mean():.0%} | {final[best]:.4f} | {best + 1} | {hours:.1f} |"
        )
    yield ""
    yield from (f"- {_describe(one)}" for one in searches)
    for title, measure in (
        ("best top-1 of a whole training up to that trial", _best_until),
        (
            f"mean top-1 of the whole trainings among the {WINDOW} trials before",
            _mean_whole_before,
        ),
        (f"mean top-1 after one epoch of the {WINDOW} trials before", _mean_before),
        (f"at chance after one epoch, of the {WINDOW} trials before", _chance_before),
    ):
        yield from ("", f"{title.capitalize()}:", "")
        yield "| sampler | " + " | ".join(map(str, MILESTONES)) + " |"
        yield "|---" * (len(MILESTONES) + 1) + "|"
        for one in searches:
            cells = [measure(one, trials) for trials in MILESTONES]
            yield f"| `{one.name}` | " + " | ".join(cells) + " |"


def write_summary(summary: str, page: Path) -> None:
    """Put the summary in the place of the one that a page has; ValueError if it has none."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no lines {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{summary}\n\n{END}{after}")


def _describe(searched: Searched) -> str:
    """Whether the best still improves after a thousand trials."""
    final = _final(searched)
    best, late = int(np.argmax(final)), 1000
    text = f"`{searched.name}`: the best whole training is trial {best + 1} of {len(final)}"
    gain = final.max() - final[:late].max()
    return f"{text}; past {late} the best rose by {gain:.4f}." if len(final) > late else f"{text}."


def _final(searched: Searched) -> Numbers:
    """Top-1 of whole trainings by sample number, -inf for the others."""
    rows = searched.suggested
    whole = (rows["status"] == "finished") & (rows["epochs"] == searched.full_epochs)
    return rows["top1"].where(whole, -np.inf).to_numpy(float)


def _first(searched: Searched) -> Numbers:
    """Top-1 after one epoch by sample number: of one fidelity, whatever was pruned later."""
    first = searched.reports[searched.reports["epoch"] == 1].set_index("trial")["top1"]
    return first.reindex(searched.suggested["trial"]).to_numpy(float)


def _is_chance(searched: Searched) -> NDArray[np.bool_]:
    """Whether a network knows no more after one epoch than who guesses (by two deviations)."""
    guess, images = searched.data["guess"], searched.data["counts"]["validation"]
    margin = 2 * (guess * (1 - guess) / images) ** 0.5
    first = _first(searched)
    return np.asarray(first[np.isfinite(first)] <= guess + margin)


def _best_until(searched: Searched, trials: int) -> str:
    final = _final(searched)
    return f"{final[:trials].max():.4f}" if len(final) >= trials else ""


def _mean_whole_before(searched: Searched, trials: int) -> str:
    final = _final(searched)
    before = final[max(0, trials - WINDOW) : trials]
    before = before[np.isfinite(before)]
    return f"{before.mean():.3f}" if len(final) >= trials and len(before) else ""


def _mean_before(searched: Searched, trials: int) -> str:
    first = _first(searched)
    before = first[max(0, trials - WINDOW) : trials]
    return f"{np.nanmean(before):.3f}" if len(first) >= trials else ""


def _chance_before(searched: Searched, trials: int) -> str:
    chance = _is_chance(searched)
    before = chance[max(0, trials - WINDOW) : trials]
    return f"{before.mean():.0%}" if len(chance) >= trials else ""


if __name__ == "__main__":
    main()
