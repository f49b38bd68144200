"""What an exception out of a trial means: whose fault it is, and whether another worker may do."""

import errno
import os

import pytest
import torch

from space.errors import CheckpointError, DataError, GenomeError, InputError
from workers.failures import (
    AWAY,
    FULL,
    Diverged,
    device_lost,
    failure,
    files_away,
    out_of_memory,
)


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (Diverged("the loss is nan at epoch 2"), "diverged", "the loss is nan at epoch 2"),
        (CheckpointError("c: was altered"), "corrupt-checkpoint", "c: was altered"),
        (DataError("p", "holds no pack"), "data", "p: holds no pack"),
        (InputError("a", "is wrong"), "input", "a: is wrong"),
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


def test_out_of_memory_is_known_by_what_torch_raises() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)
    assert out_of_memory(caught.value)
    made = failure(caught.value)
    assert made.kind == "out-of-memory"
    assert "Traceback" in made.detail
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"))
    assert not out_of_memory(RuntimeError("shape mismatch"))


def test_a_lost_gpu_is_not_a_result() -> None:
    assert device_lost(RuntimeError("CUDA error: device-side assert triggered"))
    assert not device_lost(torch.OutOfMemoryError("CUDA error: out of memory"))
    assert not device_lost(ValueError("no"))


@pytest.mark.parametrize("number", [*AWAY, *FULL, errno.ENOENT])
def test_files_out_of_reach_are_known_also_by_their_cause(number: int) -> None:
    away = OSError(number, os.strerror(number))
    caused = DataError("p", "cannot be read")
    caused.__cause__ = away
    assert files_away(away) == files_away(caused) == (number in AWAY)
    assert not files_away(ValueError("no"))
