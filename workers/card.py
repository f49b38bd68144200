"""An export's card: its facts as a value, and as a page for people."""

import json
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from space.documents.bounds import THREADS
from space.documents.html import format_facts, format_percent
from space.documents.outside import markdown
from space.documents.validation import Value
from space.equation.legend import format_legend
from space.equation.names import short_name
from space.equation.network import describe_network
from space.errors import InputError
from space.genome import Genome
from space.network.sizes import first_informed_step
from space.recurrence import Recurrence, recurrence
from space.unroll.cost import cost
from workers.data.statistics import divisors
from workers.job import ScoredSplit

CIRCUIT = "cell.svg"
"""The picture of the network, beside the card."""

Score = Annotated[float, Field(ge=0, le=1)]
Channels = Annotated[tuple[float, ...], Field(min_length=1)]
Deviations = Annotated[
    tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1), AfterValidator(divisors)
]


class Card(Value):
    """The facts of an export: where it comes from, how it was trained, what it scored.

    Scores lie in 0..1 on the split `split` of `data`: validation, by which a search selects, or
    test, where nothing was selected or where, in campaigns of before, that was what a search
    selected by. `test_*` are there once this export was scored on the test split (`with_test`);
    `test_openings` counts how often the network was, also by other copies and other seeds, up to
    when the card was written. It is 0 where `split` is test.

    Images are normalised channel by channel: (pixel / 255 - mean) / std, where a std is 1 for a
    channel that has none; `image_size` is the side that the network takes.
    `evaluation_batch_size` and `threads` are those of the recorded scores, so that the same
    machine gives the same numbers.
    """

    name: str
    digest: str
    campaign: str = ""
    campaign_name: str = ""
    trial: int | None = None
    origin: str = ""
    data: dict[str, Any] = Field(description="the data set as a campaign file writes it")
    data_checksum: str
    classes: tuple[str, ...]
    mean: Channels
    std: Deviations
    image_size: int | None = Field(default=None, ge=1)
    seed: int
    recipe: dict[str, Any]
    epochs: int = Field(ge=0)
    recurrence: Recurrence | None = None
    split: ScoredSplit = "test"
    top1: Score
    top5: Score | None = None
    loss: float | None = None
    accuracy_by_step: tuple[Score, ...] = ()
    test_top1: Score | None = None
    test_top5: Score | None = None
    test_loss: float | None = None
    test_openings: int = Field(default=0, ge=0)
    evaluation_batch_size: int = Field(default=256, ge=1)
    threads: int = Field(default=1, ge=1, le=THREADS)
    versions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if len(self.mean) != len(self.std):
            raise InputError("std", f"{len(self.std)} of them for {len(self.mean)} means")
        return self

    @property
    def scores(self) -> dict[ScoredSplit, tuple[float, float | None, float | None]]:
        """Top-1, top-5 and loss by split, as far as they are on record."""
        scores: dict[ScoredSplit, tuple[float, float | None, float | None]] = {}
        if self.test_top1 is not None:
            scores["test"] = (self.test_top1, self.test_top5, self.test_loss)
        return {self.split: (self.top1, self.top5, self.loss)} | scores

    @property
    def saw_validation(self) -> bool:
        """Whether the network was trained on the validation images as well."""
        return self.recipe.get("train_on") == "train+validation"

    @property
    def data_spec(self) -> dict[str, Any]:
        """`data` as this version reads it: before there were validation splits, it had none."""
        return {"validation": 0} | self.data

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        scores = {
            f"top-1 on {split}": format_percent(one[0]) for split, one in self.scores.items()
        }
        trial = "" if self.trial is None else f"trial {self.trial} of "
        facts = scores | {
            "from": f"{trial}{self.campaign_name} {self.campaign}".strip(),
            "data": self.data.get("name"),
            "image size": self.image_size,
            "classes": len(self.classes),
            "epochs": self.epochs,
            "seed": self.seed,
            "recurrence": self.recurrence,
            "digest": self.digest,
        }
        return format_facts(self.name, facts)

    def with_test(self, top1: float, top5: float, loss: float) -> Self:
        """The card with what an evaluation on the test split gave."""
        if self.split == "test":
            return self
        scores = {"test_top1": top1, "test_top5": top5, "test_loss": loss}
        return self.model_copy(update=scores | {"test_openings": self.test_openings + 1})


def format_card(genome: Genome, card: Card) -> str:
    """The card for people: Markdown under a YAML head, as model hubs read it."""
    price = cost(genome)
    return f"""{_head(card)}
# {markdown(card.name)}

{short_name(genome)}: {price.parameters:,} parameters, {price.macs:,} multiply-adds an image, \
{len(genome.stages)} stages, {genome.clock.steps} steps, recurrence: {recurrence(genome)}. \
Identity `{card.digest}`.

## The circuit
![The circuit of {markdown(card.name)}]({CIRCUIT})

```text
{describe_network(genome)}
```

```text
{format_legend(whole=True)}
```

{_origin(card)}
{_time(genome)}
{_loading(genome, card)}
## Training
```json
{json.dumps(card.recipe, indent=1)}
```
Made with {", ".join(f"{name} {version}" for name, version in card.versions.items())}.
"""


def _head(card: Card) -> str:
    """Facts in YAML, under the keys that model hubs read."""
    name = card.data.get("name", "")
    results = "\n".join(
        f"""  - task: {{type: image-classification}}
    dataset: {{name: {name}, type: {name}, split: {split}}}
    metrics:
    - {{type: accuracy, value: {top1}}}"""
        for split, (top1, _, _) in card.scores.items()
    )
    return f"""---
library_name: ventral-search
license: other
tags: [convrnn, ventral-stream, image-classification]
model-index:
- name: {json.dumps(card.name)}
  results:
{results}
---"""


def _origin(card: Card) -> str:
    """Which campaign the network is of, how it was trained, and what it scored."""
    origin = "a control" if card.origin == "control" else f"suggested by {card.origin}"
    name = markdown(card.campaign_name)
    source = f"Campaign {name} ({card.campaign}), trial {card.trial}, {origin}. "
    by_step = " ".join(f"{accuracy:.3f}" for accuracy in card.accuracy_by_step)
    return f"""## Where it comes from
{source if card.campaign else ""}Trained for {card.epochs} epochs with seed {card.seed} on \
`{json.dumps(card.data)}` (checksum `{card.data_checksum[:16]}`){_trained_on(card)}.

{_scores(card)}

Accuracy of the read-out at each step ({card.split}): {by_step}
"""


def _trained_on(card: Card) -> str:
    return ", the training and the validation images together" if card.saw_validation else ""


def _scores(card: Card) -> str:
    """The scores by split, and what they may be taken for."""
    splits = card.scores
    rows = [
        f"| {name} | "
        + " | ".join("" if row[place] is None else f"{row[place]:.4f}" for row in splits.values())
        + " |"
        for place, name in enumerate(("top-1", "top-5", "loss, nats"))
    ]
    if card.split == "validation":
        meaning = (
            "The search selected by validation, so that the best of many is partly luck. Until "
            f"this card was written the test split was {_openings(card)} for this network "
            "(`ventral evaluate` and `ventral certify` open it)."
        )
    elif card.recipe.get("score_on") == "test":
        meaning = "Nothing was selected by these scores."
    else:
        meaning = "Selected on test: the campaign had no validation split."
    head = f"| score | {' | '.join(splits)} |\n|---|{'---|' * len(splits)}"
    return "\n".join([head, *rows, "", meaning])


def _openings(card: Card) -> str:
    """How often the test split was opened; cards of before do not count what they record."""
    times = max(card.test_openings, int("test" in card.scores))
    if times == 0:
        return "not opened"
    return "opened once" if times == 1 else f"opened {times} times"


def _time(genome: Genome) -> str:
    """What a step is, when the image is there, and when it reaches each stage."""
    stages = [
        f"| {name} | {first_informed_step(genome, name)} |"
        for name in (*(stage.name for stage in genome.stages), "head")
    ]
    off = genome.clock.image_off
    period = f"from step {genome.clock.image_on} to {'the end' if off is None else f'{off - 1}'}"
    return f"""## Time
Biological unroll: one arrow is one step of 10 ms, every stage reads what the others put out the \
step before. The image is shown {period}; every other frame is {genome.clock.blank} in normalised \
units. Before its first informed step a stage's output does not depend on the image.

| stage | first informed step |
|---|---|
{chr(10).join(stages)}
"""


def _loading(genome: Genome, card: Card) -> str:
    """How the network is loaded, and how its images are normalised."""
    return f"""## How to load it
```python
import ventral

network = ventral.load("FOLDER")         # a torch.nn.Module, in evaluation mode
card = ventral.card("FOLDER")            # these facts as a value
images = ventral.normalise(pixels, card) # uint8 [N, H, W, C] -> float32 [N, C, H, W]
logits = network(images)                 # [N, {genome.classes}]
by_step = network.step_logits(images)    # [N, {genome.clock.steps}, {genome.classes}]
```
`ventral evaluate FOLDER` scores it on the test split of its data, with `--split validation` on \
the other. `genome.json` alone builds the same \
network untrained, and can be the `base` of a search space.

Images are {genome.image.size} x {genome.image.size} pixels, normalised by \
(pixel / 255 - mean) / std with mean {[round(value, 6) for value in card.mean]} and std \
{[round(value, 6) for value in card.std]}. Classes: {markdown(", ".join(card.classes[:20]))}\
{" ..." if len(card.classes) > 20 else ""}.
"""
