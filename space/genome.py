"""The genome: an architecture that was checked, and its JSON form.

`Genome.parse` is the only way from a document to a genome; `Genome.document` is its inverse.
Whatever can be known to be wrong without building the network is refused here.
"""

from functools import cached_property

from space.documents.validation import parse
from space.errors import GenomeError
from space.identity.digest import digest
from space.network.architecture import Architecture
from space.network.rules import check


class Genome(Architecture):
    """A whole network that keeps all rules of space/network/rules.py."""

    @classmethod
    def parse(cls, document: object, where: str = "") -> "Genome":
        """A genome from its JSON or YAML form.

        Raises GenomeError, which names the path of the field, the value and the cure.
        """

        genome = parse(cls, document, where, GenomeError)
        try:
            check(genome)
        except GenomeError as error:
            raise (error.inside(where) if where else error) from None
        return genome

    @cached_property
    def digest(self) -> str:
        """The identity of the network: equal for two spellings of one network."""
        return digest(self)

    def with_images(self, *, size: int, channels: int, classes: int) -> "Genome":
        """The same network for other images. Raises GenomeError if it does not fit them."""
        document = self.document()
        document["image"] = {"size": size, "channels": channels}
        document["classes"] = classes
        return Genome.parse(document)
