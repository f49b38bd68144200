"""What boto3 raises, as one line each that names the URL and the cure, and no credentials.

The server's own words are left out: they may repeat what they were sent.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOENT

from space.documents.outside import redact
from space.errors import MissingStorageError, StorageError, UnreachableError

KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE and ~/.aws/credentials"
ON_EACH = "on every machine that trains"

_MISSING = ("NoSuchKey", "404", "NotFound")
_TAKEN = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
_BUSY = ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling")
_CODES = {
    "NoSuchBucket": (
        "there is no such bucket",
        "make it, or name one that exists; AWS_ENDPOINT_URL says which server is asked",
    ),
    "AccessDenied": ("the server refuses these credentials", "give their account the rights"),
    "InvalidAccessKeyId": ("the server does not know the key", f"set {KEYS}, {ON_EACH}"),
    "SignatureDoesNotMatch": ("the secret is not that of the key", f"set {KEYS}, {ON_EACH}"),
    "ExpiredToken": ("the credentials are no longer valid", "get new ones"),
    "InvalidToken": ("the credentials are not valid", f"set {KEYS}, {ON_EACH}"),
    "RequestTimeTooSkewed": ("the server's clock differs from this machine's", "set the clock"),
    "PermanentRedirect": ("the bucket is in another region", "set AWS_REGION to the bucket's"),
    "AuthorizationHeaderMalformed": (
        "the bucket is in another region",
        "set AWS_REGION to the bucket's",
    ),
    "NotImplemented": (
        "the server does not know conditional writes (If-None-Match)",
        "use a newer one: AWS, SeaweedFS, MinIO and Ceph have them",
    ),
    "EntityTooLarge": ("the object is larger than the server takes", "look at its settings"),
    "QuotaExceeded": ("the storage is full", "free some space there: `ventral gc`"),
}


def is_taken(error: Exception) -> bool:
    """Whether a conditional write was refused because there is an object already."""
    return _code(error) in _TAKEN


def explain_client(where: str, code: str) -> StorageError:
    """What an S3 server's answer of a code means for the object or bucket `where`."""
    if code in _BUSY or code.startswith("5"):
        problem = f"the server{_server()} answers {code}"
        return UnreachableError(where, problem, "try again, or look at the server")
    if code in ("403", "401", "AllAccessDisabled", "AccountProblem"):
        code = "AccessDenied"
    problem, cure = _CODES.get(
        code, (f"the server{_server()} answers {code or 'with an error'}", "look at its log")
    )
    kind = MissingStorageError if code == "NoSuchBucket" else StorageError
    return kind(where, problem, cure)


@contextmanager
def translate(where: str) -> Iterator[None]:
    """Raise what boto3 raises inside as FileNotFoundError, StorageError or UnreachableError."""
    try:
        yield
    except Exception as error:
        explained = _explain(where, error)
        if explained is None:
            raise
        raise explained from None


def _explain(where: str, error: Exception) -> Exception | None:
    """An exception of boto3's in words of ours; None for one that is not boto3's."""
    try:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError
        from urllib3.exceptions import HTTPError
    except ModuleNotFoundError:
        return None
    if isinstance(error, Boto3Error):  # an upload's: what went wrong stands behind it
        cause = error.__cause__ or error.__context__
        explained = _explain(where, cause) if isinstance(cause, Exception) else None
        return explained or StorageError(where, "the upload failed", "try again")
    if isinstance(error, ClientError):
        code = _code(error)
        if code in _MISSING:
            return FileNotFoundError(ENOENT, "there is no such object", where)
        return explain_client(where, code)
    if isinstance(error, BotoCoreError):
        return _explain_setting(where, error) or _explain_connection(where, error)
    if isinstance(error, HTTPError):
        return _explain_connection(where, error)
    if isinstance(error, ValueError) and "endpoint" in str(error).lower():
        problem = f"AWS_ENDPOINT_URL{_server()} is not an address"
        return StorageError(where, problem, "write http://HOST:PORT or https://HOST")
    return None


def _explain_setting(where: str, error: Exception) -> StorageError | None:
    """What is wrong here, before anything was sent; None for another error."""
    from botocore import exceptions as known

    if isinstance(error, known.NoCredentialsError | known.PartialCredentialsError):
        problem = "there are no credentials for it on this machine"
        return StorageError(where, problem, f"set {KEYS}, {ON_EACH}")
    unreadable = (
        known.ProfileNotFound,
        known.ConfigNotFound,
        known.ConfigParseError,
        known.CredentialRetrievalError,
        known.TokenRetrievalError,
        known.UnauthorizedSSOTokenError,
    )
    if isinstance(error, unreadable):
        problem = f"the credentials cannot be read ({type(error).__name__})"
        return StorageError(where, problem, "look at AWS_PROFILE and at the files in ~/.aws")
    if isinstance(error, known.SSLError):
        problem = f"the certificate of the server{_server()} is not accepted"
        return StorageError(where, problem, "set AWS_CA_BUNDLE to the file of its authority")
    return None


def _explain_connection(where: str, error: Exception) -> StorageError:
    """A server that did not answer, or not to the end; or another failure of boto3's."""
    from botocore import exceptions as known
    from urllib3.exceptions import HTTPError

    broken = (
        known.ConnectionError,
        known.HTTPClientError,
        known.IncompleteReadError,
        HTTPError,
    )
    if isinstance(error, broken):
        problem = f"the server{_server()} cannot be reached ({type(error).__name__})"
        return UnreachableError(where, problem, "look at the network, and at AWS_ENDPOINT_URL")
    return StorageError(where, f"boto3 failed ({type(error).__name__})", "look at the AWS_* here")


def _code(error: Exception) -> str:
    answer = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))


def _server() -> str:
    """The server that is named in the environment, in words."""
    url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return f" {redact(url)}" if url else ""
