"""The exceptions of Ventral, on one screen.

Everything that is the user's to mend is an `InputError`: its text names the field, the value and
the cure, the command line prints it as it stands and ends with exit code 2. Everything else that
we can foresee is a `VentralError` and ends with exit code 1.
"""


class VentralError(Exception):
    """A foreseen failure that is not the fault of the input (exit code 1)."""

    exit_code = 1


class InputError(VentralError, ValueError):
    """Something the user wrote is wrong (exit code 2).

    `where` is the path of the field or the name of the file, `problem` says what is wrong with
    which value, `cure` says what to write instead.
    """

    exit_code = 2

    def __init__(self, where: str, problem: str, cure: str = "") -> None:
        self.where, self.problem, self.cure = where, problem, cure
        text = f"{where}: {problem}" if where else problem
        super().__init__(f"{text}; {cure}" if cure else text)

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        return type(self), (self.where, self.problem, self.cure)

    def inside(self, prefix: str) -> "InputError":
        """The same error with `prefix` put before its path (the file, the enclosing field)."""
        glue = "" if not self.where or self.where.startswith("[") else "."
        return type(self)(f"{prefix}{glue}{self.where}", self.problem, self.cure)


class GenomeError(InputError):
    """A genome document that describes no network."""


class SpaceError(InputError):
    """A search space, or a flat set of choices, that cannot be used."""


class CampaignError(InputError):
    """A campaign file that cannot be run."""


class DataError(InputError):
    """A data set that is missing, unreadable or not what its checksum says."""


class StoreError(InputError):
    """A store that this version cannot read, or an id that it does not hold."""


class StorageError(InputError):
    """A storage at a URL that does not let us in, or an address that is none of a storage."""


class MissingStorageError(StorageError):
    """A storage that does not exist, so that nothing is in it."""


class UnreachableError(StorageError):
    """A storage that does not answer now: the same may do at another time, or from elsewhere."""


class CheckpointError(VentralError):
    """A checkpoint that is incomplete or was altered after it was written."""
