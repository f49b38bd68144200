"""Where Ray looks for a cluster's token: Ray itself need not be installed for that."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

TOKEN, TOKEN_PATH = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
"""The variables that hold a token, and that name its file."""


def token_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The file that Ray takes the token from, unless RAY_AUTH_TOKEN holds it; it may be missing.

    Raises RuntimeError if the user has no home folder.
    """
    named = environ.get(TOKEN_PATH)
    return Path(named) if named else Path.home() / ".ray" / "auth_token"
