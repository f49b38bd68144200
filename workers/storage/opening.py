"""From the address of a storage to the storage."""

from pathlib import Path

from workers.storage.folder import FolderStorage
from workers.storage.places import local_folder
from workers.storage.protocol import Storage


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
