"""A running Ray cluster of others: the way in, and whether trials can run there."""

import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from search.host.cards import card_of_node
from search.host.machine import Machine
from search.host.ports import addresses_of_machine, is_loopback
from search.host.tokens import TOKEN, TOKEN_PATH
from search.tune import access
from search.tune.ray_internals import mute
from search.tune.remains import PREFIX, PRIVATE
from search.tune.session import (
    FOR_WORKERS,
    SETTINGS,
    arguments,
    disconnect,
    first_line,
    refuse_second,
)
from space.errors import InputError

NODE_PATIENCE = 60.0
"""Seconds for the nodes of a running cluster to say whether they see the home."""


def survey(address: str, written: Path | str | None = None) -> tuple[Machine, ...]:
    """What each node of a running cluster has. Raises InputError if it cannot be used, or if a
    node does not see the folder, or reach the storage at a URL, that trials will have `written`.
    """
    with connect(address):
        machines = nodes(address)
        if isinstance(written, Path):
            with tempfile.TemporaryDirectory(prefix=PREFIX, dir=written) as scratch:
                check_written(Path(scratch), address)
        elif written is not None:
            check_written(written, address)
        return machines


@contextlib.contextmanager
def connect(address: str) -> Iterator[None]:
    """A connection to the cluster at `address`: `auto`, or HOST:PORT of its head.

    This machine has to be one of its nodes. A token is taken from where Ray looks for it
    (access.py). A cluster that other machines reach has to require one, unless that is waived
    (`access.allow_insecure`). Raises InputError that names the cure, VentralError if this process
    is connected already.
    """
    import ray

    refuse_second()
    address = _find_address() if address == "auto" else address
    _check_address(address)
    settings: dict[str, str | None] = {**SETTINGS, **access.outside_token_settings()}
    with access.environment(settings):
        _check_admission(address)
        _check_closed(address)
        try:
            ray.init(address=address, **arguments({name: SETTINGS[name] for name in FOR_WORKERS}))
        except Exception as error:
            raise InputError(
                f"--address {address}",
                first_line(error),
                "is this machine a node of that cluster, with the same version of Ray? "
                "`ray status` shows",
            ) from error
        try:
            with mute():
                yield
        finally:
            disconnect()


def _find_address() -> str:
    """The address of the cluster that this machine is a node of. Raises InputError."""
    if address := os.environ.get("RAY_ADDRESS"):
        return address
    addresses = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if not words[0].endswith(b"/raylet"):
                continue
            private = False
            with contextlib.suppress(OSError):  # it is another user's
                private = f"{PRIVATE}=1".encode() in (folder / "environ").read_bytes().split(b"\0")
            if not private:
                sign = b"--gcs-address="
                addresses |= {w.removeprefix(sign).decode() for w in words if w.startswith(sign)}
    if len(addresses) == 1:
        return addresses.pop()
    if addresses:
        problem, cure = (
            "several Ray clusters run on this machine",
            f"write one of {sorted(addresses)}",
        )
    else:
        problem = "no Ray cluster runs on this machine"
        cure = "start one (`ray start --head`), or write HOST:PORT of its head"
    raise InputError("--address auto", problem, cure)


def _check_address(address: str) -> None:
    """Refuse an address at which there is nothing, before Ray spends a minute on it."""
    host, _, port = address.rpartition(":")
    if address.startswith("ray://"):
        raise InputError(
            f"--address {address}",
            "Ray's client cannot carry a search",
            "run this on a machine of the cluster, with --address auto or HOST:PORT "
            "(`ray job submit --address ... -- ventral submit FILE --address auto` does so)",
        )
    if not host or not port.isdigit():
        cure = "write auto, or HOST:PORT of the cluster's head, such as 10.0.0.5:6379"
        raise InputError(f"--address {address}", "is not the address of a Ray cluster", cure)
    if not answers(address):
        raise InputError(
            f"--address {address}",
            "nothing answers there",
            "`ray status` on the cluster's head shows whether it runs; the port is 6379 unless "
            "`ray start --head --port` said otherwise",
        )


def answers(address: str) -> bool:
    """Whether a server listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 5.0):
        return True
    return False


def _check_admission(address: str) -> None:
    """Refuse a cluster that refuses us, before Ray tries for half a minute.

    To be called with the variables set that the connection is going to be made with.
    """
    where, mode = f"--address {address}", os.environ.get(access.MODE)
    places = f"{TOKEN}, the file that {TOKEN_PATH} names, or ~/.ray/auth_token"
    if mode == "token" and not access.has_token():
        problem = f"{access.MODE} is token, and there is no token here"
        raise InputError(where, problem, f"put the cluster's token into {places}")
    answer = access.probe(address, {})
    if answer == "refused" and mode == "token":
        cure = f"give the cluster's own: Ray looks into {places}, in this order"
        raise InputError(where, "the cluster's token differs from the one here", cure)
    if answer == "refused" and access.has_token():
        unused = f"{access.MODE}={mode} leaves the one here unused"
        problem = f"the cluster requires a token, and {unused}"
        raise InputError(where, problem, f"unset {access.MODE}")
    if answer == "refused":
        unset = "" if mode is None else f", and unset {access.MODE}={mode}"
        cure = f"put the cluster's token into {places}{unset}"
        raise InputError(where, "the cluster requires a token, and there is none here", cure)
    if answer == "silent":
        cure = "`ray status` on the cluster's head shows whether it runs, and its version of Ray"
        raise InputError(where, "what listens there does not answer as a head of Ray does", cure)


def _check_closed(address: str) -> None:
    """Refuse a cluster that runs what anybody on the network sends it, unless that is allowed.

    Whoever reaches a head that requires no token runs code on every node, as its user.
    """
    if access.allows_insecure() or not _is_exposed(address):
        return
    if access.probe(address, access.STRANGER) != "refused":
        raise InputError(
            f"--address {address}",
            "the cluster requires no token, and other machines reach it: it runs what anybody "
            "sends it",
            f"start its head and nodes with {access.MODE}=token and a token (`ray get-auth-token "
            "--generate` makes one), or use it as it is with --insecure",
        )


def _is_exposed(address: str) -> bool:
    """Whether more than this machine reaches what listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    if not is_loopback(host.strip("[]")):
        return True
    # By itself Ray listens on all interfaces, whatever address it gives itself.
    return any(answers(f"{own}:{port}") for own in addresses_of_machine())


def gcs_address() -> str:
    """HOST:PORT of the head of the cluster that this process is connected to."""
    import ray

    return str(ray.get_runtime_context().gcs_address)


def nodes(address: str) -> tuple[Machine, ...]:
    """The nodes that have cores to offer. Raises InputError if there is none."""
    machines = tuple(machine_of(node["Resources"]) for node in list_nodes())
    if not machines:
        cure = "start one with `ray start --address=HOST:PORT`"
        raise InputError(f"--address {address}", "has no node with a core to offer", cure)
    return machines


def list_nodes() -> list[dict[str, Any]]:
    """The live nodes with cores, as Ray has them, of the cluster that we are connected to."""
    import ray

    return [one for one in ray.nodes() if one["Alive"] and one["Resources"].get("CPU", 0) >= 1]


def machine_of(resources: Mapping[str, float]) -> Machine:
    """What a node with these resources has."""
    card = card_of_node(resources)
    return Machine(
        cpus=int(resources["CPU"]),
        gpus=0 if card is None else card.count,
        name="a node of the cluster",
        cards=() if card is None else (card,),
    )


def check_written(place: Path | str, address: str) -> None:
    """Refuse a cluster with nodes that cannot train, or not write to a place: by trying it.

    `place` is an empty folder, which all nodes have to see, or the URL of a storage.
    """
    sign = secrets.token_hex(8)
    if isinstance(place, Path):
        (place / "sign").write_text(sign)
        look, where = _make_look(), str(place)
        elsewhere = f"has another folder at {place.parent}"
        cure = "every node needs Ventral, and VENTRAL_HOME in a folder that all of them share"
    else:
        look, where, elsewhere = _make_probe(sign), place, f"cannot use {place}"
        cure = "every node needs Ventral with its extra s3, and credentials of its own"
    bad = [
        (name, reply if " " in reply else elsewhere)
        for name, reply in _ask_nodes(look, where)
        if reply != sign
    ]
    if bad:
        name, problem = bad[0]
        more = f", and {len(bad) - 1} more nodes" if len(bad) > 1 else ""
        raise InputError(f"--address {address}", f"node {name} {problem}{more}", cure)


def _make_look() -> Callable[[str, str], str]:
    """A function (folder, a name of the node's) -> the sign in a folder, or what is wrong."""

    # Nested, so that it travels as code: a node may lack the package that it looks for.
    def look(folder: str, name: str) -> str:
        from pathlib import Path

        try:
            import workers.trainable  # noqa: F401
        except (ImportError, OSError, RuntimeError, AttributeError, SyntaxError) as error:
            return f"cannot load Ventral ({error})"
        try:
            text = Path(folder, "sign").read_text()
            Path(folder, name).write_text(text)
        except OSError as error:
            return f"cannot use {folder} ({error.strerror})"
        return text

    return look


def _make_probe(sign: str) -> Callable[[str, str], str]:
    """A function (URL, a name of the node's) -> the sign if the node can use the storage there,
    or what is wrong.
    """

    def probe(url: str, _name: str) -> str:
        try:
            import workers.trainable  # noqa: F401
            from workers.storage.probing import probe_storage
        except (ImportError, OSError, RuntimeError, AttributeError, SyntaxError) as error:
            return f"cannot load Ventral ({error})"
        try:
            probe_storage(url)
        except (OSError, ValueError) as error:  # a StorageError is an InputError, a ValueError
            return f"cannot use the storage ({error})"
        return sign

    return probe


def _ask_nodes(look: Callable[[str, str], str], where: str) -> list[tuple[str, str]]:
    """Each node with cores, by name and address, and what a function replies there. A machine may
    have several nodes, of the same name.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    remote = ray.remote(num_cpus=0)(look)
    names = {}
    for node in list_nodes():
        here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        answer = remote.options(scheduling_strategy=here).remote(where, node["NodeID"])
        names[answer] = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    ray.wait(list(names), num_returns=len(names), timeout=NODE_PATIENCE)
    replies = []
    for answer, name in names.items():
        try:
            reply = str(ray.get(answer, timeout=0))
        except ray.exceptions.RayError as error:
            reply = f"does not answer ({first_line(error) or type(error).__name__})"
        replies.append((name, reply))
    return replies
