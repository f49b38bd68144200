"""Genomes by what a person calls them: a model of the zoo, a file, or an export's folder."""

from pathlib import Path

from space import zoo
from space.choices.open_document import OpenDocument
from space.documents.files import read_with_text
from space.documents.naming import Shelf, resolve_name
from space.documents.outside import is_folder, path_exists
from space.errors import GenomeError, InputError
from space.genome import Genome
from space.notation import Notation, is_notation

GENOME = "genome.json"
"""The genome's file in an export's folder."""
REPLACING = ".replacing"
"""In an export that is replaced: the new files that have not taken the old ones' place yet."""


def find_genome(
    called: str | Path,
    folder: Path = Path(),
    *,
    where: str = "",
    error: type[InputError] = InputError,
) -> Genome:
    """The genome of a zoo model's name, of a genome file or of an export's folder.

    A path starts at `folder`. A file or folder that is there goes before a model of that name.
    Raises `error`, which names `where`, if there is none, GenomeError if it describes no network.
    """
    shelf = Shelf(
        kind="a model of the zoo",
        names=zoo.names(),
        listing="see `ventral zoo list`",
        folders=True,
    )
    meant = resolve_name(called, shelf, folder, where=where, error=error)
    return zoo.model(meant).genome if isinstance(meant, str) else read_genome(meant, error)


def read_genome(path: str | Path, error: type[InputError] = InputError) -> Genome:
    """The genome of an export's folder, or of its JSON or YAML file, in the notation too.

    Raises `error` if it does not exist, GenomeError if it does not describe a network.
    """
    place = Path(path)
    file = place
    if is_folder(place):
        file = find_file(place, GENOME)
        if not path_exists(file):
            cure = f"name a folder that `ventral export` wrote, or a {GENOME}"
            raise error(str(file), "does not exist", cure)
    document, text = read_with_text(file, error)
    if is_notation(document):
        return _read_notation(Notation.read(document, str(file), text), error)
    return Genome.parse(document, str(file))


def _read_notation(notation: Notation, error: type[InputError]) -> Genome:
    """The network of a document in the notation, which leaves nothing open."""
    genome = notation.document["genome"]
    if OpenDocument.parse(genome).parameters:
        raise error(notation.where, "leaves choices open: it is a space", "name a network")
    try:
        return Genome.parse(genome, "genome")
    except GenomeError as wrong:
        raise notation.locate(wrong) from None


def find_file(export: Path, name: str) -> Path:
    """A file of an export: the new one where its replacement was cut off."""
    new = export / REPLACING / name
    return new if path_exists(new) else export / name
