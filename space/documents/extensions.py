"""Objects of other packages that a document names: checked first, then loaded.

A name is a built-in one, that of an entry point of an installed distribution, or
`package.module:Object`. A campaign file may come from anywhere, so its words load no code but what
somebody installed in this environment: the file that an import would run has to belong to an
installed distribution, and nothing is imported before that is known. A module that merely lies in
the current folder, or anywhere else on the path, is refused.
"""

import functools
import importlib
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel

from space.documents.validation import parse, quote, suggestion
from space.errors import InputError

_NAME = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
_TARGET = rf"{_NAME}:{_NAME}"
PATTERN = rf"^({_TARGET}|[A-Za-z_][\w.-]*)$"
"""What a name that is not built in looks like: an object's, or an entry point's."""

PAGE = "docs/extending.md"
_FORM = "write package.module:Object"


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The classes of one kind by name: the built-in names, and those of other distributions.

    `noun` is what one is called, `group` the group of its entry points. A class of another
    distribution has `methods`, and the pydantic model of its options as `Options`. A name of
    `reserved` is nobody's. `page` tells authors what to write.
    """

    noun: str
    group: str
    built_in: tuple[str, ...]
    methods: tuple[str, ...]
    reserved: tuple[str, ...] = ()
    page: str = PAGE

    def check_name(self, name: str) -> str:
        """The name, if it may be one. Imports nothing. Raises InputError."""
        if name in self.built_in or self.is_outside(name):
            return name
        if ":" in name:
            raise InputError("", f"{quote(name)} is no name of an object", _FORM)
        known = (*self.built_in, *self.entry_points())
        listed = ", ".join(known)
        cure = suggestion(name, known)
        if not cure.startswith("did"):
            cure += f", or package.module:Object ({self.page})"
        raise InputError("", f"{quote(name)} is not one of {listed}", cure)

    def is_outside(self, name: str) -> bool:
        """Whether a name that is not built in has the form of an object's, or is on offer."""
        if ":" in name:
            return re.fullmatch(_TARGET, name) is not None
        return name not in self.built_in and name in self.entry_points()

    def entry_points(self) -> dict[str, list[metadata.EntryPoint]]:
        """What the installed distributions offer by name, without the names that are taken."""
        offers: dict[str, list[metadata.EntryPoint]] = {}
        for point in metadata.entry_points(group=self.group):
            if point.name not in (*self.built_in, *self.reserved):
                offers.setdefault(point.name, []).append(point)
        return dict(sorted(offers.items()))

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of a name."""
        return {
            "anyOf": [
                {"type": "string", "enum": list(self.built_in)},
                {"type": "string", "pattern": PATTERN},
            ]
        }

    def load(self, name: str, where: str, error: type[InputError] = InputError) -> Any:
        """The class of another distribution by its name.

        Raises `error` at `where` if its code may not be loaded or cannot be, or if it is not what
        it should be.
        """
        try:
            loaded = load_object(self._target(name))
            self._check_class(name, loaded)
        except InputError as caught:
            raise error(where, caught.problem, caught.cure) from caught.__cause__
        return loaded

    def _target(self, name: str) -> str:
        """The name as `package.module:Object`."""
        if ":" in name:
            return name
        values = sorted({point.value for point in self.entry_points()[self.check_name(name)]})
        if len(values) > 1:
            problem = f"{quote(name)} is offered as {' and as '.join(values)}"
            raise InputError("", problem, "write the one that you mean")
        return values[0].partition("[")[0].strip()

    def _check_class(self, name: str, loaded: Any) -> None:
        if not inspect.isclass(loaded):
            self._refuse(name, f"it is a {type(loaded).__name__}, and no class")
        options = getattr(loaded, "Options", None)
        if not (inspect.isclass(options) and issubclass(options, BaseModel)):
            self._refuse(name, "it has no pydantic model Options")
        if options.model_config.get("extra") != "forbid":
            self._refuse(name, 'its Options lack extra="forbid": a misspelt option would be lost')
        if lacking := [m for m in self.methods if not callable(getattr(loaded, m, None))]:
            self._refuse(name, f"it has no method {lacking[0]}")

    def _refuse(self, name: str, why: str) -> NoReturn:
        article = "an" if self.noun[0] in "aeiou" else "a"
        problem = f"{quote(name)} is not {article} {self.noun}: {why}"
        raise InputError("", problem, f"{self.page} says what one has")


def parse_options(
    kind: Any, options: Mapping[str, Any], where: str, error: type[InputError] = InputError
) -> Any:
    """The options of a class as its `Options`. Raises `error` for one that it does not have."""
    return parse(kind.Options, dict(options), where, error=error)


def load_object(target: str) -> Any:
    """The object `package.module:Object` of an installed distribution. Raises InputError."""
    if re.fullmatch(_TARGET, target) is None:
        raise InputError("", f"{quote(target)} is no name of an object", _FORM)
    name, _, attributes = target.partition(":")
    _check_installed(name)
    try:
        loaded: Any = importlib.import_module(name)
    except Exception as error:
        problem = f"{name} cannot be imported ({type(error).__name__}: {error})"
        raise InputError("", problem, "mend the module, or install what it needs") from error
    for attribute in attributes.split("."):
        if not hasattr(loaded, attribute):
            public = [word for word in dir(loaded) if not word.startswith("_")]
            problem = f"{name} has no {attribute}"
            raise InputError("", problem, suggestion(attribute, public))
        loaded = getattr(loaded, attribute)
    return loaded


# ------------------------------------------------------------------------- what is installed


@functools.cache  # all metadata is read: it takes most of a second
def _check_installed(module: str) -> None:
    """Refuse a module whose code belongs to no installed distribution; imports none of it."""
    top = module.partition(".")[0]
    file = _first_file(module)
    if file is None:
        problem = f"no installed distribution has a module {top}"
        raise InputError("", problem, "install the one that has it (pip install)")
    packages = metadata.packages_distributions()
    if not any(_holds(one, top, file, packages) for one in metadata.distributions()):
        problem = f"{top} is {file}, which belongs to no installed distribution"
        cure = "install the package (pip install FOLDER): a campaign loads only installed code"
        raise InputError("", problem, cure)


def _first_file(module: str) -> Path | None:
    """The first file that the import of a module would run.

    Folders without an `__init__.py` are gone into: to import them runs nothing.
    """
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        try:
            spec = find_spec(".".join(parts[:depth]))
        except (ImportError, ValueError):  # its parent is no package, or it was made by hand
            return None
        if spec is None:
            return None
        if spec.has_location and spec.origin is not None:
            return Path(spec.origin).resolve()
        if spec.submodule_search_locations is None:  # compiled into Python
            return None
    return None


def _holds(
    distribution: metadata.Distribution,
    top: str,
    file: Path,
    packages: Mapping[str, Sequence[str]],
) -> bool:
    """Whether a file of the package `top` is the distribution's, as it was installed.

    `packages` are the distributions' names by the packages that they declare. One that is edited
    where it lies may declare none.
    """
    root, name = Path(str(distribution.locate_file(""))).resolve(), distribution.metadata["Name"]
    if root == Path.cwd():  # what lies there was not installed, whatever it says of itself
        return False
    owns = name in packages.get(top, ())
    if owns and file.is_relative_to(root):
        return True
    edited = _edited_folder(distribution)
    if edited is None or not file.is_relative_to(edited):
        return False
    return owns or not any(name in names for names in packages.values())


def _edited_folder(distribution: metadata.Distribution) -> Path | None:
    """The source folder of a distribution that was installed with `pip install --editable`."""
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        editable = origin.get("dir_info", {}).get("editable", False)
        url = urlsplit(origin.get("url", ""))
    except (ValueError, AttributeError):
        return None
    return Path(unquote(url.path)).resolve() if editable and url.scheme == "file" else None
