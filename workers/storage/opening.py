"""From the address of a storage to the storage."""

import logging
import shutil
from pathlib import Path

from space.documents.outside import path_exists
from space.errors import StorageError
from workers.storage.folder import FolderStorage
from workers.storage.places import local_folder
from workers.storage.protocol import Storage

_log = logging.getLogger(__name__)


def open_storage(place: str | Path) -> Storage:
    """The storage at a path or URL (places.read_url has checked it). Nothing is looked at yet.

    Raises StorageError for an object store that cannot be asked: credentials, or what Ventral
    needs for it, are missing.
    """
    folder = local_folder(place)
    if folder is not None:
        return FolderStorage(folder)
    from workers.storage.s3 import S3Storage  # boto3 takes long to load

    return S3Storage(str(place))


def discard(place: str | Path) -> bool:
    """Remove all that is at a place, as far as that is possible now; whether it is gone.

    Why an object store could not be used is logged.
    """
    folder = local_folder(place)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
        return not path_exists(folder)
    try:
        open_storage(place).remove("")
    except StorageError as error:
        _log.warning("%s", error)
        return False
    return True
