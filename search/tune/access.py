"""Ray's token: who may use a cluster, and whether it is really required.

Ray takes a token from RAY_AUTH_TOKEN, from the file that RAY_AUTH_TOKEN_PATH names, or from
~/.ray/auth_token, and uses it only in the mode `token`. It reads both once in a process's life:
`environment` sets them and lets Ray read them again. `probe` tries a connection in a process of
its own, which is done in half a second and cannot disturb this one.
"""

import contextlib
import logging
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from typing import Literal

from search.host.programs import python_command
from search.host.tokens import TOKEN, TOKEN_PATH, token_file
from search.tune.ray_internals import reload_authentication

Answer = Literal["open", "refused", "silent"]

MODE = "RAY_AUTH_MODE"
OTHERS = ("RAY_ENABLE_K8S_TOKEN_AUTH", "RAY_ADDRESS")
"""Other variables by which an environment changes whom a cluster lets in, or which one it is."""

INSECURE = "VENTRAL_INSECURE"
"""Set to 1, or by --insecure: clusters that admit everybody who reaches them may be used."""

ASK_SECONDS = 60.0
"""A guard against hanging: an answer takes half a second on a quiet machine."""

_ASK = """
import sys
from ray._raylet import GcsClient
from ray.exceptions import AuthenticationError
try:
    GcsClient(address=sys.argv[1]).internal_kv_keys(b"", None, 20)
except AuthenticationError:
    print("refused")
else:
    print("open")
"""


def private_token_settings() -> dict[str, str | None]:
    """Settings for a cluster of our own: a new token, whatever the environment says."""
    settings: dict[str, str | None] = dict.fromkeys((TOKEN_PATH, *OTHERS))
    return settings | {MODE: "token", TOKEN: secrets.token_hex(32)}


def outside_token_settings() -> dict[str, str | None]:
    """Settings for a cluster of others: its token is used if there is one, unless the environment
    says how.
    """
    return {} if os.environ.get(MODE) or not has_token() else {MODE: "token"}


def has_token() -> bool:
    """Whether there is a token where Ray looks for one."""
    if os.environ.get(TOKEN):
        return True
    with contextlib.suppress(OSError):
        return token_file().stat().st_size > 0
    return False


def allow_insecure(allowed: bool) -> None:
    """Let this process, and those that it starts, use clusters that admit everybody."""
    if allowed:
        os.environ[INSECURE] = "1"


def allows_insecure() -> bool:
    """Whether a cluster may be used that admits everybody."""
    return os.environ.get(INSECURE, "") not in ("", "0")


def probe(address: str, settings: Mapping[str, str | None]) -> Answer:
    """Whether the cluster at HOST:PORT admits a user with these settings beside the
    environment. One that does not answer as Ray does is `silent`.
    """
    environment = dict(os.environ)
    for name, value in settings.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            [*python_command(_ASK), address],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
            check=False,
        )
        lines = done.stdout.split()
        if lines and lines[-1] in ("open", "refused"):
            return "open" if lines[-1] == "open" else "refused"
    return "silent"


STRANGER: Mapping[str, str | None] = dict.fromkeys((MODE, TOKEN, TOKEN_PATH, *OTHERS)) | {
    MODE: "disabled"
}
"""The settings of a user without a token."""


@contextlib.contextmanager
def environment(settings: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables (None removes one) for the time of the block, and let Ray read its own."""
    # Ray sets the other ones itself.
    names = {*settings, MODE, "PYTHONBREAKPOINT"}
    before = {name: os.environ.get(name) for name in names}
    _set(settings)
    logging.getLogger("ray").setLevel(logging.ERROR)
    reload_authentication()
    try:
        yield
    finally:
        _set(before)
        # A thread of Ray that is on its way out would end the process if it found no token.
        if os.environ.get(MODE) != "token" or has_token():
            reload_authentication()


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
