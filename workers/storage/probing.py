"""Whether a storage can be used from here: by using it."""

import secrets

from space.errors import StorageError
from workers.storage.opening import open_storage
from workers.storage.places import read_url


def probe_storage(url: str, where: str = "storage") -> None:
    """Write to the storage at `url` what Ventral writes, read it back and remove it.

    `where` names the field or the variable that the URL is from. Raises StorageError that says
    what does not work and the cure (UnreachableError: nothing answers), OSError of a folder.
    """
    storage = open_storage(read_url(url, where))
    key, data = f"probe-{secrets.token_hex(8)}", secrets.token_bytes(64)
    try:
        storage.write(f"{key}/object", data)
        group = storage.publish(f"{key}/groups", {"part": data, "last": data})
        for name in (f"{key}/object", f"{group}/part", f"{group}/last"):
            with storage.open(name) as opened:
                if opened.stream.read() != data:
                    problem = f"gives back other bytes than were written to {name}"
                    raise StorageError(storage.place, problem, "look at the server of the storage")
        seen = {entry.key for entry in storage.list(key)}
        if storage.groups(f"{key}/groups", "last") != [group] or len(seen) != 3:
            problem = "does not list what was written a moment ago"
            raise StorageError(storage.place, problem, "look at the server of the storage")
    finally:
        storage.remove(key)
    if storage.list(key):
        problem = "still lists what was removed"
        raise StorageError(storage.place, problem, "look at the server of the storage")
