"""The process that serves MLflow: its own application, and ours around it where people look.

Started by `search.mirror.server.Server`. One process: MLflow's command would start another one,
and give the database's address, password and all, on its command line.
"""

import json
import os
import socket
import sys
import threading
from typing import Any, TextIO

from search.mirror.database import ARTIFACTS, QUIET
from search.mirror.migrations import refuse_other_schema
from space.documents.outside import redact

_SETTINGS = QUIET | {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_WORKSPACES": "false",
}


class _Redacted:
    """A stream for people to read, in which no password of an address is written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(redact(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def serve() -> None:
    """Be the process: serve until a signal, or until the pipe is closed."""
    settings = json.loads(sys.stdin.readline() or "null")
    if settings is None:
        return
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    sys.stdout = sys.stderr = _Redacted(sys.stderr)
    try:
        app = _application(settings)
    except Exception as error:
        # People are shown the last line of the log.
        text = " ".join(str(error).split())
        raise SystemExit(f"{type(error).__name__}: {text}") from error
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=settings["door"])])


def _end_with_parent() -> None:
    """End when the other end of the pipe is gone, whatever is going on."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


def _application(settings: dict[str, Any]) -> Any:
    """MLflow's application on the database, and `Pages` around it if there is a home to show."""
    os.environ.update(_SETTINGS)
    if settings["pages"] is not None:
        # `Pages` judges hosts and origins before MLflow sees the request.
        os.environ["MLFLOW_SERVER_ALLOWED_HOSTS"] = "*"
    import uvicorn  # noqa: F401  MLflow looks whether it is loaded by a server
    from mlflow.server import constants, handlers

    # Of a database that is away it says so at once: MLflow would try for minutes.
    refuse_other_schema(settings["tracking"])
    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: settings["tracking"],
        constants.REGISTRY_STORE_URI_ENV_VAR: settings["tracking"],
        constants.ARTIFACT_ROOT_ENV_VAR: ARTIFACTS,
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: settings["artifacts"],
    }
    handlers.initialize_backend_stores(settings["tracking"], settings["tracking"], ARTIFACTS)
    from mlflow.server.fastapi_app import app

    if settings["pages"] is None:
        return app
    from search.mirror.pages import Pages

    return Pages(app, settings["tracking"], **settings["pages"])
