"""The files that a new user starts from: a campaign, and the space that it searches, commented."""

from pathlib import Path

from search.json_schemas import schema_line
from space.errors import InputError

CAMPAIGN_FILE, SPACE_FILE = "campaign.yaml", "space.yaml"
KINDS = "campaign", "space"
"""Of their schemas, by which editors complete words."""

CAMPAIGN_TEXT = """\
# A campaign: what is searched, on which images, and for how long. Run it with
#
#     ventral submit campaign.yaml
#
# and change any field for one run with --set, for instance --set budget.trials=100.
# Every field that may stand here, with its default: ventral's search/campaign.schema.json.
name: first

# The networks to choose from: a file beside this one, or a name of `ventral space list`.
space: space.yaml

# The images. `ventral data list` has those that come with Ventral; yours are
# {name: imagefolder, path: IMAGES, size: 32}, with a folder for each class in IMAGES.
# Training images decide the weights, validation images the search; test images stay unseen.
data: {name: digits-occluded, size: 16, copies: 1}

# How every network is trained.
recipe: {epochs: 6, batch_size: 48, warmup_epochs: 1, clip: {norm: 1.0}}

# What to try next: `guided` learns from what was trained; `random` only draws.
sampler: {name: guided}

# Which trainings stop early: at each rung the worse ones end, here about two of three.
scheduler: {name: asha, grace_epochs: 2, reduction_factor: 3}

# A quarter of the networks that are tried have no loops: the best of them is what a
# recurrent network has to be better than.
controls: {search: 0.25}

# When it is over: networks that are trained. `seconds: 3600` is an hour at most.
budget: {trials: 12}

# Of all that is random: the same seed gives the same search.
seed: 1
"""

SPACE_TEXT = """\
# A space: a network with choices left open in it. Look at it with
#
#     ventral space show space.yaml        what it says, and what its networks cost
#     ventral space validate space.yaml    draws networks from it and checks them
#     ventral space count space.yaml       how many networks there are
#
# `a|b` is one of several, `0.5..1.0` a number between two, `?` there or not (`?*`: there by
# default). Every word is in docs/notation.md; docs/spaces.md writes a space step by step.
name: first-space
description: May a cell remember, gate itself, and hear from the stage above?

# At each time step a signal goes through one stage; six steps leave two for what goes round.
steps: 6

# What the image goes through: channels, kernels, pools. The last two stages carry the cell.
stages: [conv1 16 k 3 elu pool, conv2 24 k 3 cell pool, conv3 32 k 3 cell]

# A connection from a later stage back to an earlier one, which is there or not.
feedback: [conv3 -> conv2 ?*]

cell:
  # Kernels that are larger than the map are made as large as the map.
  kernels: cut to map

  # What the cell remembers from step to step, and its activation.
  states: {out: elu|relu}

  edges:
    # What comes from the stage's convolution, and from the stage above.
    - input -> out
    - feedback -> out add k 1
    # The cell hears its own value of the step before, or does not.
    - out -> out add conv|separable k 1|3 ?
    # A gate multiplies the sum: it falls from 0.5..1.0 as its nonlinearity rises.
    - out -> out times falling 0.5..1.0 sigmoid|tanh k 1|3 ?

# What the search is compared with: the same stages without any loop.
controls: {feedforward: [input -> out elu]}
"""


def write_starter(folder: Path, *, force: bool = False) -> tuple[Path, Path]:
    """Write a campaign and its space into `folder`, which is made if need be; the two files.

    Raises InputError, and writes nothing, if one of them is there already, unless `force`, or if
    the folder cannot be written.
    """
    files = (folder / CAMPAIGN_FILE, folder / SPACE_FILE)
    present = [file for file in files if file.exists() or file.is_symlink()]
    if present and not force:
        raise InputError(
            str(present[0]),
            "is there already",
            "name another folder, or overwrite it with --force",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, kind, text in zip(files, KINDS, (CAMPAIGN_TEXT, SPACE_TEXT), strict=True):
            file.write_text(f"{schema_line(kind)}\n{text}", encoding="utf-8")
    except OSError as error:
        cure = "name a folder that you may write to"
        raise InputError(str(folder), f"cannot be written ({error.strerror})", cure) from error
    return files
