"""What an exception out of a trial means: a result with a reason, or a worker that is lost."""

import errno
import gc
import traceback

import torch

from space.errors import (
    CheckpointError,
    DataError,
    InputError,
    StorageError,
    UnreachableError,
    VentralError,
)
from workers.job import Failure

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""Nothing more can be written, whatever trial it is for."""

AWAY = (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENODEV)
"""Files are out of a machine's reach, for a while at least."""


class Diverged(VentralError):
    """Training left the finite numbers; the message says what, and where."""


def failure(error: BaseException) -> Failure:
    """What an exception out of a trial means for it, as a result."""
    text = str(error).strip().splitlines()
    reason = text[0] if text else type(error).__name__
    detail = "".join(traceback.format_exception(error))[-4000:]
    if isinstance(error, Diverged):
        return Failure(kind="diverged", reason=reason)
    if isinstance(error, CheckpointError):
        return Failure(kind="corrupt-checkpoint", reason=reason)
    if isinstance(error, StorageError):
        return Failure(kind="environment", reason=reason)
    if isinstance(error, DataError):
        return Failure(kind="data", reason=reason)
    if isinstance(error, InputError):
        return Failure(kind="input", reason=reason)
    if out_of_memory(error):
        return Failure(kind="out-of-memory", reason=reason, detail=detail)
    if isinstance(error, OSError) and error.errno in FULL:
        file = f": {error.filename}" if error.filename else ""
        return Failure(kind="storage", reason=f"{error.strerror}{file}", detail=detail)
    if isinstance(error, (OSError, ImportError)):
        reason = f"{type(error).__name__}: {reason}"
        return Failure(kind="environment", reason=reason, detail=detail)
    return Failure(kind="error", reason=f"{type(error).__name__}: {reason}", detail=detail)


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that the memory of the GPU or of the machine did not suffice."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    messages = ("DefaultCPUAllocator", "out of memory", "STATUS_ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(words in str(error) for words in messages)


def device_lost(error: BaseException) -> bool:
    """Whether the GPU's context died with this exception: the process can train nothing more."""
    known = getattr(torch, "AcceleratorError", ())
    lost = isinstance(error, known) or "CUDA error" in str(error)
    return lost and not out_of_memory(error)


def files_away(error: BaseException) -> bool:
    """Whether the files could not be reached from here: another worker may do better."""
    causes = (error, error.__cause__)
    away = any(isinstance(one, OSError) and one.errno in AWAY for one in causes)
    return away or isinstance(error, UnreachableError)


def release() -> None:
    """Give back what a dropped Trainer held, so that the next trial starts from the same place."""
    gc.collect()
    if not gc.get_freeze_count():
        # What is left are the libraries, which live as long as the process. To look through them
        # again after each trial takes longer than a small trial does.
        gc.freeze()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
