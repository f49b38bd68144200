"""Three searches of one space at the poster's scale: 5,000 trainings by the default sampler, and
2,000 each by HyperOpt's TPE and at random.

    python benchmarks/search_at_scale.py --home FOLDER [--sampler random ...] [--trials N]

The space is `motifs-small` with learning rates up to 0.1, at which some networks do not learn; the
images are occluded digits of 8 pixels, of which a third is the validation split. Interrupted, the
same command goes on where it stopped.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from space.space import Space

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
    chosen.home.mkdir(parents=True, exist_ok=True)
    for sampler in chosen.sampler:
        run_search(chosen.home, sampler, chosen.trials or TRIALS[sampler])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--home", type=Path, required=True, help="a folder, kept afterwards")
    parser.add_argument("--sampler", nargs="+", choices=TRIALS, default=list(TRIALS))
    parser.add_argument("--trials", type=int, help="of each sampler, in place of the poster's")
    return parser.parse_args()


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


if __name__ == "__main__":
    main()
