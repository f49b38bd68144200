"""Ports, names and addresses of this machine, and the way to them past every proxy."""

import socket
import urllib.request

import pytest
import requests

from search.host.ports import (
    addresses_of_machine,
    bypass_proxies,
    http_address,
    is_loopback,
    listen,
    names_of_machine,
    outside_host,
)


def has_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0.0.0.0", "::"])
def test_one_listens_at_every_kind_of_address(host: str) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("there is no IPv6 here")
    with listen(host, 0) as door:
        port = door.getsockname()[1]
        near = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}.get(host, host)
        socket.create_connection((near, port), timeout=30).close()
        with pytest.raises(OSError, match="in use"):
            listen(host, port)


def test_addresses_of_the_machine_are_its_own_and_not_loopback_s() -> None:
    for address in addresses_of_machine():
        assert not is_loopback(address)
        listen(address, 0).close()


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid"])
def test_one_listens_only_at_addresses_of_the_machine(host: str) -> None:
    with pytest.raises(OSError, match=r"assign requested address|not known|resolution"):
        listen(host, 0)


@pytest.mark.parametrize(
    ("host", "near"),
    [
        *((host, True) for host in ("127.0.0.1", "127.3.2.1", "::1", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "lab")),
    ],
)
def test_loopback_is_told_from_the_world(host: str, near: bool) -> None:
    assert is_loopback(host) is near


def test_an_ipv6_address_is_bracketed() -> None:
    assert http_address("::1", 80) == "http://[::1]:80"
    assert http_address("lab.example.org", 5000) == "http://lab.example.org:5000"


def test_the_machine_has_names_and_an_address_for_others() -> None:
    assert {"localhost", socket.gethostname().lower()} <= set(names_of_machine())
    assert outside_host() not in ("", "0.0.0.0", "::")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/"]
)
def test_calls_to_this_machine_go_past_proxies_of_either_spelling(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    for name in ("http_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.example.org:3128")
    monkeypatch.setenv("NO_PROXY", "lab.example.org")
    monkeypatch.delenv("no_proxy", raising=False)
    assert requests.utils.get_environ_proxies(address)
    bypass_proxies()
    bypass_proxies()
    assert not requests.utils.get_environ_proxies(address)
    assert urllib.request.proxy_bypass(address.split("/")[2].rsplit(":", 1)[0].strip("[]"))
    assert not requests.utils.get_environ_proxies("http://lab.example.org/")
    assert requests.utils.get_environ_proxies("http://other.example.org/")


@pytest.mark.parametrize("spelling", ["no_proxy", "NO_PROXY"])
def test_no_proxy_for_any_host_stays_so(monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(spelling, "*")
    bypass_proxies()
    assert urllib.request.proxy_bypass("other.example.org")
    assert not requests.utils.get_environ_proxies("http://other.example.org/")
    assert not requests.utils.get_environ_proxies("http://127.0.0.1:1/")
