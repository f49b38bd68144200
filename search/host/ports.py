"""Ports and names of this machine, and the way to them that leads past every proxy."""

import ipaddress
import os
import platform
import socket
from collections.abc import MutableMapping
from contextlib import suppress

LOOPBACK = "127.0.0.1"
ANYWHERE = ("0.0.0.0", "::", "")
"""What one listens on to be reached at every address of the machine."""

_UNPROXIED = ("localhost", LOOPBACK, "::1")


def free_port(host: str = LOOPBACK) -> int:
    """A port on which no server listens."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address of this machine; port 0 takes a free one.

    `host` is a name, an IPv4 or an IPv6 address; `::` listens on both kinds. Raises OSError if
    the port is taken, or if the address is none of this machine's.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, _, _, _, address = addresses[0]
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address, family=family, dualstack_ipv6=both)


def is_loopback(host: str) -> bool:
    """Whether only this machine itself reaches what listens on `host`."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def http_address(host: str, port: int) -> str:
    """The address of a web server, without a final slash."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def names_of_machine() -> tuple[str, ...]:
    """The names by which one may call this machine; no addresses."""
    name = platform.node()
    names = ("localhost", name, name.partition(".")[0])
    return tuple(dict.fromkeys(known.lower() for known in names if known))


def addresses_of_machine() -> tuple[str, ...]:
    """The addresses of this machine's interfaces by which others may reach it, as far as IP goes.

    Link-local addresses of IPv6 are left out: they mean nothing without their interface.
    """
    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    listed = (
        one.address for ones in psutil.net_if_addrs().values() for one in ones
        if one.family in families
    )  # fmt: skip
    return tuple(dict.fromkeys(a for a in listed if "%" not in a and not is_loopback(a)))


def outside_host() -> str:
    """The name or the address by which others reach this machine, as far as it is known.

    A full name that leads to it, else the address of its way out, else its name. Asks the
    resolver, which may take seconds where that is broken.
    """
    name = socket.getfqdn()
    if "." in name:
        with suppress(OSError):
            addresses = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            if not any(is_loopback(str(address[0])) for *_, address in addresses):
                return name
    # No packet is sent: the system only says from which address it would be.
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return platform.node() or LOOPBACK


def bypass_proxies(environ: MutableMapping[str, str] = os.environ) -> None:
    """Let this process, and those that it starts, reach this machine's own servers directly.

    Whoever set a proxy (`http_proxy`, `https_proxy`, `all_proxy`) meant hosts outside: a proxy
    cannot reach our loopback. Both spellings are set, since programs differ in which they read.
    A `*` has to stand alone to mean every host.
    """
    values = [environ.get(name, "") for name in ("no_proxy", "NO_PROXY")]
    hosts = [host.strip() for text in values for host in text.split(",") if host.strip()]
    value = "*" if "*" in hosts else ",".join(dict.fromkeys([*hosts, *_UNPROXIED]))
    environ["no_proxy"] = environ["NO_PROXY"] = value
