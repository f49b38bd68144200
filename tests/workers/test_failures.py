"""What an exception out of a trial means: whose fault it is, and whether another worker may do."""

import errno
import os

import pytest

from space.errors import (
    CheckpointError,
    DataError,
    GenomeError,
    InputError,
    StorageError,
    UnreachableError,
)
from workers.failures import (
    AWAY,
    FULL,
    Diverged,
    failure,
    files_away,
)


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (Diverged("the loss is nan at epoch 2"), "diverged", "the loss is nan at epoch 2"),
        (CheckpointError("c: was altered"), "corrupt-checkpoint", "c: was altered"),
        (DataError("p", "holds no pack"), "data", "p: holds no pack"),
        (InputError("a", "is wrong"), "input", "a: is wrong"),
        (StorageError("s3://b", "is none"), "environment", "s3://b: is none"),
        (GenomeError("a", "is wrong"), "input", "a: is wrong"),
        (MemoryError(), "out-of-memory", "MemoryError"),
        (OSError(errno.ENOMEM, "no memory"), "out-of-memory", "[Errno 12] no memory"),
        (OSError(errno.ENOSPC, "no space", "/a"), "storage", "no space: /a"),
        (OSError(errno.EROFS, "read-only"), "storage", "read-only"),
        (OSError(errno.EACCES, "no", "/a"), "environment", "PermissionError: [Errno 13] no: '/a'"),
        (ImportError("no module"), "environment", "ImportError: no module"),
        (ValueError("one\ntwo"), "error", "ValueError: one"),
        (ValueError(), "error", "ValueError: ValueError"),
    ],
)
def test_an_exception_is_a_result_of_its_kind(
    error: BaseException, kind: str, reason: str
) -> None:
    found = failure(error)
    assert (found.kind, found.reason) == (kind, reason)


def test_what_is_nobodys_input_has_its_traceback() -> None:
    def fail() -> None:
        raise RuntimeError("x" * 9000)

    with pytest.raises(RuntimeError) as caught:
        fail()
    assert len(failure(caught.value).detail) == 4000
    assert not failure(InputError("a", "is wrong")).detail


@pytest.mark.parametrize("number", [*AWAY, *FULL, errno.ENOENT])
def test_files_out_of_reach_are_known_also_by_their_cause(number: int) -> None:
    away = OSError(number, os.strerror(number))
    caused = DataError("p", "cannot be read")
    caused.__cause__ = away
    assert files_away(away) == files_away(caused) == (number in AWAY)
    assert not files_away(ValueError("no"))
    assert files_away(UnreachableError("s3://bucket", "cannot be reached"))
    assert not files_away(StorageError("s3://bucket", "there is no such bucket"))
