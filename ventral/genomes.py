"""Genomes by what a person calls them: a model of the zoo, a file, or an export's folder."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from space.genome import Genome


def find_genome(called: str | Path) -> "Genome":
    """The genome of a zoo model's name, of a genome file or of an export's folder.

    A file or folder that is there goes before a model of that name. Raises InputError if there is
    none, GenomeError if it describes no network.
    """
    from space import zoo
    from space.documents.validation import suggestion
    from space.errors import InputError
    from workers.export import read_genome

    path, name = Path(called), str(called)
    if name in zoo.names() and not path.exists():
        return zoo.model(name).genome
    if path.exists() or "/" in name or path.suffix in (".yaml", ".yml", ".json"):
        return read_genome(path)
    near = suggestion(name, zoo.names())
    cure = near if near.startswith("did") else "see `ventral zoo list`"
    raise InputError(name, "is neither a model of the zoo nor a file", cure)
