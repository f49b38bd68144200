"""A space: a genome and a recipe with choices left open, and the samples that close them.

A space file is YAML or JSON:

    name: around-the-median
    description: one line for people
    genome: {...}                 a genome's document with choices (space/choices/)
    recipe: {...}                 training settings to lay over the campaign's, choices too
    images: {size: 32}            what the network looks at where no campaign says it
    only: {KEY: [VALUE, ...]}     choices of which not every option is left
    controls:
      feedforward:                a fixed network to compare with
        description: ...
        genome: {...}             laid over the genome: mappings merge, the rest replaces; a
        recipe: {...}             key may be a path (`stages[3].cell`, `stages[*].pool: null`)
        choices: {KEY: VALUE}     choices made; those left are at their defaults

The genome may also be another one (a file, an export's folder, the zoo), opened at some paths:

    genome:
      base: exports/best
      choices: {"cells.motif.states.out.drive.edges[0].add.kernel": {choice: [1, 3, 5]}}

Or the whole file is in the motif notation (space/notation/), which is read into this.

This module does not know what a recipe means, nor what a network of the space is worth.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from space.choices.domains import Parameter, Scalar
from space.choices.open_document import Choices, Count, OpenDocument
from space.controls.control import Control
from space.documents.bounds import CLASSES, CONTROLS
from space.documents.trees import copy_tree, merge, place
from space.documents.validation import Value, join, parse, quote, suggestion
from space.errors import GenomeError, SpaceError
from space.genome import Genome
from space.genomes import find_genome
from space.map_bounds import limit_kernels
from space.network.architecture import Pixels, is_genome
from space.network.grammar import Channels
from space.notation import Notation, format_notation, is_notation
from space.sources import Source, find_source, list_names


class Images(Value):
    """What the network looks at: square images of `size` pixels, and the number of classes."""

    size: Pixels | None = None
    channels: Channels | None = None
    classes: Annotated[int, Field(ge=2, le=CLASSES)] | None = None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A space with every choice made. `recipe` is the closed overlay of training settings."""

    choices: Choices
    genome: Genome
    recipe: dict[str, Any]

    @property
    def digest(self) -> str:
        """The identity of the network."""
        return self.genome.digest


class Space(Value):
    """A search space. Made by `Space.load` or `Space.parse`, which check it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
    description: str = ""
    images: Images = Images()
    genome: dict[str, Any]
    recipe: dict[str, Any] = Field(default_factory=dict)
    only: dict[str, tuple[Scalar, ...]] = Field(default_factory=dict)
    controls: dict[str, Control] = Field(default_factory=dict, max_length=CONTROLS)

    @classmethod
    def load(cls, name_or_path: str | Path, folder: Path = Path(), *, where: str = "") -> "Space":
        """A named space, or the one in a YAML or JSON file, whose path starts at `folder`.

        Raises SpaceError, which names the file and the field or the line; for a text that is
        neither a name nor a file, `where`.
        """
        return cls._read(find_source(name_or_path, folder, where))

    @classmethod
    def load_text(cls, name_or_path: str | Path, folder: Path = Path()) -> str:
        """A space in the notation: its own text if it is written in it. Raises as `load`."""
        source = find_source(name_or_path, folder, "")
        if source.text is not None:
            return source.text
        return format_notation(cls._read(source).document())

    @classmethod
    def _read(cls, source: Source) -> "Space":
        document, where, folder = source.document, source.where, source.folder
        return cls.parse(document, where, folder, text=source.text)

    @classmethod
    def named(cls) -> list[str]:
        """The names of the spaces that come with Ventral."""
        return list_names()

    @classmethod
    def parse(
        cls, document: object, where: str = "", folder: Path = Path(), *, text: str | None = None
    ) -> "Space":
        """A space from its document, in the full grammar or in the notation (space/notation/);
        `folder` is where the path of a base starts.

        `text` is what the document was read from: errors in the notation point into it. Checked
        here: the syntax, the ties, and that the defaults and every control are genomes. Whether
        all samples are, `space.survey` tries. Raises SpaceError or GenomeError, which name the
        field, or the line of the notation.
        """
        if isinstance(document, Mapping) and is_notation(document):
            return cls._parse_notation(Notation.read(document, where, text))
        if isinstance(document, Mapping) and is_genome(document) and "genome" not in document:
            raise SpaceError(
                where, "is a genome, not a space", f"write genome: {{base: {where or 'FILE'}}}"
            )
        space = parse(cls, document, where, SpaceError)
        try:
            if "base" in space.genome:
                space = space.on_base(folder)
            space.check()
        except (SpaceError, GenomeError) as error:
            at = join(where, error.where)
            raise type(error)(at, error.problem, error.cure) from None
        return space

    @classmethod
    def _parse_notation(cls, notation: Notation) -> "Space":
        try:
            space = parse(cls, notation.document, error=SpaceError)
            space.check()
        except (SpaceError, GenomeError) as error:
            raise notation.locate(error) from None
        return space

    def document(self) -> dict[str, Any]:
        """The document of the space, a base worked in: `Space.parse(s.document()) == s`.

        The order of its keys is part of it: samples are drawn in that order.
        """
        written = {
            "name": self.name,
            "description": self.description,
            "images": self.images.model_dump(exclude_none=True),
            "genome": copy_tree(self.genome),
            "recipe": copy_tree(self.recipe),
            "only": {key: list(options) for key, options in self.only.items()},
            "controls": {
                name: {k: v for k, v in control.model_dump(mode="json").items() if v}
                for name, control in self.controls.items()
            },
        }
        return {key: value for key, value in written.items() if value or key in ("name", "genome")}

    def with_images(
        self, *, size: int, channels: int, classes: int, check: bool = True
    ) -> "Space":
        """The same space for a data set's images.

        Raises SpaceError if it fixes other ones; with `check` also if its defaults or a control
        make no network for them.
        """
        images = Images(size=size, channels=channels, classes=classes)
        space = self._changed(images=images)
        if check:
            space.check()
        else:
            _ = space.opened
        return space

    def narrow(self, only: Mapping[str, Sequence[Scalar]]) -> "Space":
        """The same space with those options only of the choices named.

        What is chosen in it can be chosen in this one, and makes the same sample. Raises
        SpaceError for what is no choice between options, and for an option that is none.
        """
        narrowed = {**self.only, **{key: tuple(options) for key, options in only.items()}}
        space = self._changed(only=narrowed)
        space.check()
        return space

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every choice, in the document's order: a choice stands after those it depends on."""
        return self._open.parameters

    @property
    def opened(self) -> OpenDocument:
        """The choices alone, as flat forms: a genome is parsed only by the methods below."""
        return self._open

    def count(self) -> Count:
        """How many choices there are, and how many different samples they make."""
        return self._open.count()

    def sample(self, rng: random.Random) -> Sample:
        """A random sample; the same from the same state of `rng`, on any machine.

        Raises GenomeError if the choices make no valid genome: that is a fault of the space.
        """
        return _make_sample(self._open, self._open.sample(rng))

    def close(self, choices: Mapping[str, Scalar]) -> Sample:
        """The sample that flat choices make: the inverse of `Sample.choices`.

        Raises SpaceError for a key that is unknown, missing or of a branch not taken, and for a
        value outside its domain.
        """
        return _make_sample(self._open, self._open.flatten(choices))

    def complete(self, partial: Mapping[str, Scalar], rng: random.Random | None = None) -> Sample:
        """The sample nearest to choices that may be incomplete or of another space.

        What does not apply is dropped; what is missing is drawn, or at its default without `rng`.
        """
        return _make_sample(self._open, self._open.complete(partial, rng))

    def mutate(self, sample: Sample, rng: random.Random, path: str | None = None) -> Sample:
        """`sample` with one choice made anew: that at `path`, else any that is open."""
        return _make_sample(self._open, self._open.mutate(sample.choices, rng, path))

    def cross(self, a: Sample, b: Sample, rng: random.Random) -> Sample:
        """A child of two samples: each of its choices is one of a parent that had it open."""
        return _make_sample(self._open, self._open.cross(a.choices, b.choices, rng))

    def control(self, name: str) -> Sample:
        """A control, closed. Its choices are those that its overlay left open, and need not be
        choices of the space. Raises SpaceError for an unknown name, and for a derived control.
        """
        if name not in self.controls:
            cure = suggestion(name, self.controls) or "the space has none"
            raise SpaceError("controls", f"there is no control {quote(name)}", cure)
        if self.controls[name].is_derived:
            raise SpaceError(
                f"controls.{name}",
                "follows from the best network of a campaign, and is none before",
                "`ventral certify` trains it beside that network",
            )
        opened = self._controls[name]
        try:
            return _make_sample(opened, opened.defaults(self.controls[name].choices))
        except (SpaceError, GenomeError) as error:
            raise error.inside(f"controls.{name}") from None

    def blame(self, choices: Mapping[str, Scalar], error: GenomeError) -> Choices:
        """Of choices that make no network, those without which, at their defaults, `error` is not
        there. Raises SpaceError for choices of another space.
        """
        guilty = self._open.complete(choices)
        for path in tuple(guilty):
            fewer = {key: value for key, value in guilty.items() if key != path}
            try:
                _make_sample(self._open, self._open.complete(fewer))
            except GenomeError as other:
                if other.where == error.where:
                    guilty = fewer
        return guilty

    @cached_property
    def _open(self) -> OpenDocument:
        genome = _write_images(self.genome, self.images, "genome")
        opened = OpenDocument.parse({"genome": genome, "recipe": self.recipe})
        try:
            opened = opened.narrow(self.only)
        except SpaceError as error:
            raise error.inside("only") from None
        return limit_kernels(opened)

    @property
    def fixed_controls(self) -> tuple[str, ...]:
        """The names of the controls that are networks by themselves: all but the derived ones."""
        return tuple(name for name, one in self.controls.items() if not one.is_derived)

    @cached_property
    def _controls(self) -> dict[str, OpenDocument]:
        return {name: self._over(name, self.controls[name]) for name in self.fixed_controls}

    def _over(self, name: str, control: Control) -> OpenDocument:
        overlay = {"genome": control.genome, "recipe": control.recipe}
        try:
            below = {} if control.whole else self._open.document()
            document = merge(below, overlay, SpaceError)
            document["genome"] = _write_images(document["genome"], self.images, "genome")
            return limit_kernels(OpenDocument.parse(document))
        except SpaceError as error:
            raise error.inside(f"controls.{name}") from None

    def check(self) -> None:
        """Raise SpaceError or GenomeError if the defaults or a control make no genome."""
        self.complete({})
        for name, control in self.controls.items():
            control.check(f"controls.{name}")
        for name in self.fixed_controls:
            self.control(name)

    def _changed(self, **fields: Any) -> "Space":
        # Made anew, since a copy would take along what was worked out from the old fields.
        same = {name: getattr(self, name) for name in type(self).model_fields}
        return Space(**{**same, **fields})

    def on_base(self, folder: Path) -> "Space":
        """This space with its `base` and `choices` worked into one genome's document.

        `folder` is where the path of a base starts. Raises SpaceError or GenomeError.
        """
        written = self.genome
        for key in written:
            if key not in ("base", "choices"):
                raise SpaceError(
                    "genome", f"unknown key {quote(key)} beside base", "put it under choices"
                )
        genome = _base(written["base"], folder)
        # The base's images are those it was made for, not a condition on new data.
        images = {**genome.pop("image", {}), "classes": genome.pop("classes", None)}
        images = {**images, **self.images.model_dump(exclude_none=True)}
        choices = written.get("choices", {})
        if not isinstance(choices, Mapping):
            raise SpaceError(
                "genome.choices", f"{quote(choices)} is not a mapping", "PATH: CHOICE"
            )
        for path, node in choices.items():
            try:
                place(genome, str(path).removeprefix("genome."), node, SpaceError)
            except SpaceError as error:
                where = f"genome.choices: {path}"
                raise SpaceError(where, f"{error.where} {error.problem}", error.cure) from None
        return self._changed(genome=genome, images=parse(Images, images, "images", SpaceError))


def _make_sample(opened: OpenDocument, choices: Choices) -> Sample:
    document = opened.close(choices)
    genome, recipe = document.get("genome"), document.get("recipe", {})
    if genome is None:
        raise SpaceError("genome", "is not there in every sample", "write it without `optional`")
    if not isinstance(recipe, Mapping):
        raise SpaceError("recipe", f"{quote(recipe)} is not a mapping", "write KEY: VALUE lines")
    return Sample(choices=choices, genome=Genome.parse(genome, "genome"), recipe=dict(recipe))


def _write_images(genome: Mapping[str, Any], images: Images, where: str) -> dict[str, Any]:
    """A genome's document with the images written in. Raises SpaceError if it has others."""
    result: dict[str, Any] = copy_tree(genome)
    for path, value in (
        ("image.size", images.size),
        ("image.channels", images.channels),
        ("classes", images.classes),
    ):
        if value is None:
            continue
        *above, key = path.split(".")
        holder = result.setdefault(above[0], {}) if above else result
        fixed = holder.get(key, value) if isinstance(holder, dict) else holder
        if fixed != value:
            raise SpaceError(
                f"{where}.{path}",
                f"the space fixes {quote(fixed)}, the images need {value}",
                "leave it out of the space, or take other data",
            )
        holder[key] = value
    return result


def _base(base: object, folder: Path) -> dict[str, Any]:
    """The document of the genome that a space starts from."""
    if not isinstance(base, str):
        raise SpaceError("genome.base", f"{quote(base)} is not text", "write a path or a name")
    return find_genome(base, folder, where="genome.base", error=SpaceError).document()
