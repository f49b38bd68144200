"""Errors: what they say, what the process ends with, and that they pass between processes."""

import pickle

import pytest

from space import errors
from space.errors import InputError, VentralError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_exit_code_says_whose_fault_it_is(kind: type[VentralError]) -> None:
    assert issubclass(kind, VentralError)
    assert kind.exit_code == (2 if issubclass(kind, InputError) else 1)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("a.b", "3 is odd", "write 4"), "a.b: 3 is odd; write 4"),
        (("a.b", "3 is odd", ""), "a.b: 3 is odd"),
        (("", "3 is odd", "write 4"), "3 is odd; write 4"),
    ],
)
def test_an_error_is_one_line_of_its_parts(parts: tuple[str, str, str], text: str) -> None:
    assert str(InputError(*parts)) == text


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, InputError)])
def test_an_error_comes_back_from_another_process_as_it_was(kind: type[InputError]) -> None:
    error = kind("a", "is wrong", "mend it")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.where, again.problem, again.cure, str(again)) == (
        "a",
        "is wrong",
        "mend it",
        str(error),
    )


@pytest.mark.parametrize(("where", "joined"), [("b", "a.b"), ("[3].b", "a[3].b"), ("", "a")])
def test_an_enclosing_field_is_put_before_the_path(where: str, joined: str) -> None:
    error = errors.GenomeError(where, "is wrong", "mend it").inside("a")
    assert isinstance(error, errors.GenomeError)
    assert (error.where, error.problem, error.cure) == (joined, "is wrong", "mend it")
