"""What is wrong with a file of a deployment: where, what, and what to write instead."""

import re
from dataclasses import dataclass

from space.documents.outside import printable
from space.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One mistake: the file below the folder, the path of the field, the problem, the cure."""

    file: str
    field: str
    problem: str
    cure: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.field}" if self.field else self.file
        return printable(f"{where}: {self.problem}; {self.cure}")


@dataclass(frozen=True)
class Mistake:
    """A mistake inside one document, which does not know its file."""

    field: str
    problem: str
    cure: str

    def at(self, file: str) -> Finding:
        """The finding of this mistake in `file`."""
        return Finding(file=file, field=self.field, problem=self.problem, cure=self.cure)


def read_error(error: InputError) -> Mistake:
    """The mistake of a document that could not be read; every mistake has a cure."""
    return Mistake(error.where, error.problem, error.cure or "mend the value")


_SECRET = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE|(ACCESS|API|_)KEY)", re.I)
_BY_NAME = re.compile(r"_(FILE|PATH|URI|URL|NAME|MODE|METHOD|USERNAME)$", re.I)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^@/\s$]+@", re.I)


def holds_secret(name: str, value: str) -> bool:
    """Whether a variable carries a secret by its value: by its name, or as an address with a
    password. A reference to a file, or to a variable without a default, does not.
    """
    if _ADDRESS.search(value):
        return True
    if not value or not _SECRET.search(name) or _BY_NAME.search(name):
        return False
    return re.fullmatch(r"\$\{\w+(:?\?[^}]*)?\}|\$\w+|/[\w./-]+", value) is None


def check_variable(field: str, name: str, value: str) -> list[Mistake]:
    """A mistake if a variable's value is a secret, or switches one of the guards off."""
    if holds_secret(name, value):
        cure = "keep it in a secret and name that: `ventral deploy secrets`, or a secretKeyRef"
        return [Mistake(field, f"{name} holds a secret in the open", cure)]
    if name == "RAY_AUTH_MODE" and value != "token":
        return [Mistake(field, f"{value or 'nothing'} lets everybody use Ray", "write token")]
    if name == "POSTGRES_HOST_AUTH_METHOD" and value == "trust":
        problem = "trust lets everybody in without a password"
        return [Mistake(field, problem, "remove the variable: scram-sha-256 is the default")]
    if name == "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE" and value.lower() not in ("", "false"):
        return [Mistake(field, "every page of the web may call MLflow", "remove the variable")]
    return []


def check_image(field: str, reference: str, *, digest: bool) -> list[Mistake]:
    """A mistake if an image's reference does not say which image it is."""
    name, at, fixed = reference.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    inspect = f"`docker buildx imagetools inspect {name}`"
    if at and not re.fullmatch(r"sha256:[0-9a-f]{64}", fixed):
        cure = f"write sha256: and 64 digits, as {inspect} prints"
        return [Mistake(field, f"{fixed or 'nothing'} is not a digest", cure)]
    if tag == "latest" or (not tag and not at):
        problem = f"{reference} names another image tomorrow"
        return [Mistake(field, problem, "write the tag of a release, and its digest")]
    if digest and not at:
        return [Mistake(field, f"{reference} has no digest", f"add @ and what {inspect} prints")]
    return []
