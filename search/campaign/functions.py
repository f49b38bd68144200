"""A campaign's own loss and metric: tried before it starts, and their versions written down.

They are tried in a process of their own, because they load torch, which a driver does not.
"""

import json
import subprocess

from search.host.programs import python_command
from space.errors import CampaignError
from workers.job import Function, Recipe

_SECONDS = 300


def close_functions(recipe: Recipe) -> Recipe:
    """The recipe with the versions of its own loss and metric; as it is where it has neither.

    Raises CampaignError for one that cannot be loaded or used, or that is another one than is
    recorded.
    """
    if not recipe.functions:
        return recipe
    for kind, version in _try(recipe).items():
        chosen = recipe.functions[kind]
        if chosen.version not in ("", version):
            problem = f"{chosen.name} is {version} here, and {chosen.version} was recorded"
            raise CampaignError(
                f"recipe.{kind}", problem, "install that one, or leave version out"
            )
        recipe = recipe.model_copy(update={kind: chosen.model_copy(update={"version": version})})
    return recipe


def _try(recipe: Recipe) -> dict[Function, str]:
    """The versions by kind. Raises CampaignError."""
    command = python_command("from ventral.workers.functions import main\nmain()")
    where = f"recipe.{next(iter(recipe.functions))}"
    try:
        done = subprocess.run(
            command,
            input=recipe.model_dump_json(),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        problem = f"gave no answer to a sample in {_SECONDS} s"
        raise CampaignError(where, problem, "see docs/own-loss-and-metric.md") from None
    except (ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        problem = f"ended the process that tried it ({last})"
        raise CampaignError(where, problem, "see docs/own-loss-and-metric.md") from None
    if "versions" not in answer:
        raise CampaignError(answer["where"], answer["problem"], answer["cure"])
    versions: dict[Function, str] = answer["versions"]
    return versions
