"""The campaign file: what to search, on what, how, with what, and for how long.

`load` reads a YAML file and the `--set` overrides into a frozen `Campaign` and refuses what cannot
be run, before anything is written anywhere. `Campaign.document()` is the closed form that the
store keeps; `Campaign.parse` is its inverse. This package knows what may be written, not how a
campaign is run.
"""

from search.campaign.checks import check, check_resources
from search.campaign.loading import (
    CHANGEABLE,
    Loaded,
    amend,
    apply,
    clone,
    clone_with_space,
    load,
    load_with_space,
)
from search.campaign.settings import (
    SCHEMA,
    Budget,
    Campaign,
    Controls,
    Enqueued,
    Limits,
    Resources,
    Sampler,
    Scheduler,
    json_schema,
    schema_text,
)
from search.campaign.splits import final_recipe
from search.campaign.trainings import (
    control_runs,
    control_seeds,
    controls,
    count_searched_controls,
    derived_controls,
    full_epochs,
    is_searched_control,
)

__all__ = [
    "CHANGEABLE",
    "SCHEMA",
    "Budget",
    "Campaign",
    "Controls",
    "Enqueued",
    "Limits",
    "Loaded",
    "Resources",
    "Sampler",
    "Scheduler",
    "amend",
    "apply",
    "check",
    "check_resources",
    "clone",
    "clone_with_space",
    "control_runs",
    "control_seeds",
    "controls",
    "count_searched_controls",
    "derived_controls",
    "final_recipe",
    "full_epochs",
    "is_searched_control",
    "json_schema",
    "load",
    "load_with_space",
    "schema_text",
]
