"""From a written document to a value, or to one error with the path, the value and the cure."""

from typing import Annotated, Any, Literal, Self

import pytest
import yaml
from pydantic import Field, model_validator

from space.documents.validation import Value, join, parse, quote, suggestion
from space.errors import CampaignError, InputError


class Circle(Value):
    kind: Literal["circle"] = "circle"
    radius: float = Field(default=1.0, gt=0)


class Box(Value):
    kind: Literal["box"]
    sides: tuple[int, int] = (1, 1)

    @model_validator(mode="after")
    def _wide(self) -> Self:
        if self.sides[0] > 9:
            raise InputError("sides[0]", f"{self.sides[0]} is too wide", "write 9")
        return self


class Drawing(Value):
    name: str = "d"
    count: int = 3
    mode: Literal["line", "fill"] = "line"
    shape: Annotated[Circle | Box, Field(discriminator="kind")] = Circle()
    extra: tuple[Circle | Box, ...] = ()
    named: dict[str, Circle] = Field(default_factory=dict)


def test_a_right_document_is_the_value() -> None:
    document = {"shape": {"kind": "box", "sides": [2, 3]}, "named": {"a": {"radius": 2}}}
    found = parse(Drawing, document)
    assert found == Drawing(shape=Box(kind="box", sides=(2, 3)), named={"a": Circle(radius=2.0)})
    assert parse(Drawing, found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"cuont": 1}, 'unknown key "cuont"; did you mean "count"?'),
        ({"zzz": 1}, 'unknown key "zzz"; its keys are name, count, mode, shape, extra, named'),
        ({"count": "12"}, 'count: "12" is not a whole number; write 12 without quotes'),
        ({"count": 1.5}, "count: 1.5 is not a whole number; write a whole number"),
        ({"count": True}, "count: true is not a whole number; write a whole number"),
        ({"name": 3}, 'name: 3 is not text; put it in quotes: "3"'),
        ({"name": True}, 'name: true is not text; put it in quotes: "true"'),
        ({"count": "1_000"}, 'count: "1_000" is not a whole number; write 1000: YAML takes 1_000'),
        (
            {"count": "010"},
            'count: "010" is not a whole number; write 10: YAML takes 010',
        ),
        ({"count": "1,000"}, 'count: "1,000" is not a whole number; write 1000: YAML takes'),
        ({"count": "many"}, 'count: "many" is not a whole number; write a whole number, such as'),
        ({"shape": "circle"}, 'shape: "circle" is not a mapping; write {kind: circle}'),
        ({"mode": "fil"}, 'mode: "fil" is not one of line, fill; did you mean "fill"?'),
        ({"shape": 3}, "shape: 3 is not a mapping; write a mapping"),
        ({"shape": {"kind": "cirkle"}}, 'shape: "cirkle" is not one of circle, box; did you mean'),
        ({"shape": {}}, 'shape: the key "kind" is missing; add it'),
        (
            {"shape": {"kind": "box", "side": [1, 1]}},
            'shape: unknown key "side"; did you mean "si',
        ),
        ({"shape": {"kind": "box", "sides": [1]}}, "shape.sides: [1] is too short"),
        ({"shape": {"kind": "box", "sides": [1, 2, 3]}}, "shape.sides: [1, 2, 3] is too long; gi"),
        ({"shape": {"kind": "box", "sides": [10, 1]}}, "shape.sides[0]: 10 is too wide; write 9"),
        ({"shape": {"radius": 0, "kind": "circle"}}, "shape.radius: 0 is not above 0; write a"),
        ({"extra": [{}, {"kind": "box", "sides": [1, "x"]}]}, 'extra[1].sides[1]: "x" is not a w'),
        ({"extra": [{"kind": "circle", "radios": 1}]}, 'extra[0]: unknown key "radios"; did you'),
        ({"named": {"a": {"radius": -1}}}, "named.a.radius: -1 is not above 0; write a number"),
        ({"named": {"a": {"radius": float("inf")}}}, "named.a.radius: inf is not a finite numb"),
        ({"named": {1: {}}}, 'named: the key 1 is not text; write "1"'),
        ([], "[] is not a mapping; its keys are name"),
    ],
)
def test_a_wrong_document_is_one_error(document: Any, told: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(Drawing, document)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("value", "written"), [("1e-3", "0.001"), ("1e-5", "1.0e-05"), ("1e20", "1.0e+20")]
)
def test_the_cure_for_a_power_of_ten_is_a_number_in_yaml(value: str, written: str) -> None:
    with pytest.raises(InputError, match=f"write {written}".replace("+", r"\+")):
        parse(Circle, {"radius": yaml.safe_load(value)})
    assert yaml.safe_load(written) == float(value)


def test_the_error_is_of_the_kind_and_under_the_name_asked_for() -> None:
    with pytest.raises(CampaignError, match=r'^a/b\.yaml: unknown key "x"'):
        parse(Circle, {"x": 1}, "a/b.yaml", CampaignError)
    with pytest.raises(InputError, match=r"^shape\.radius: "):
        parse(Circle, {"radius": "x"}, "shape")


def test_paths_are_joined_as_they_are_read() -> None:
    assert join("c.yaml", "a.b") == "c.yaml: a.b"
    assert join("a", "b") == "a.b"
    assert join("a", "[3].b") == "a[3].b"
    assert join("", "b") == "b"
    assert join("a", "") == "a"


def test_values_are_shown_short() -> None:
    assert quote({"a": [1, None, True]}) == '{"a": [1, null, true]}'
    assert len(quote("x" * 500)) == 60


def test_the_nearest_word_is_suggested() -> None:
    assert suggestion("kernal", ["kernel", "width"]) == 'did you mean "kernel"?'
    assert suggestion("zzz", ["kernel", "width"]) == "write one of kernel, width"
