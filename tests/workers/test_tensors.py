"""Headers of safetensors files: as that library writes them, and damaged."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from space.errors import InputError
from workers.tensors import BYTES, check_header, read_header

DTYPES = {
    "F32": torch.float32,
    "F64": torch.float64,
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "I64": torch.int64,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
SHAPES = st.lists(st.integers(0, 4), max_size=3)
FILES = st.dictionaries(
    st.text("abc.", min_size=1, max_size=6),
    st.tuples(st.sampled_from(sorted(DTYPES)), SHAPES),
    min_size=1,
    max_size=4,
)


def assemble(header: Any, values: bytes = b"") -> bytes:
    """A file of that header, as it stands, and of those values."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + values


def entry(begin: int, end: int, *shape: int, dtype: str = "U8") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@given(FILES, st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
@settings(deadline=None)
def test_a_header_says_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    tensors: dict[str, tuple[str, list[int]]],
    texts: dict[str, str],
) -> None:
    made = {
        name: torch.zeros(shape, dtype=DTYPES[kind]) for name, (kind, shape) in tensors.items()
    }
    data = save(made, metadata=texts)
    check_header(data)
    path = tmp_path_factory.getbasetemp() / "tensors"
    path.write_bytes(data)
    header = read_header(path)
    assert header.metadata == texts
    assert {name: (t.dtype, list(t.shape)) for name, t in header.tensors.items()} == tensors
    for name, stored in header.tensors.items():
        begin, end = stored.data_offsets
        assert end - begin == made[name].numel() * BYTES[stored.dtype]


@given(st.data())
def test_a_file_that_is_cut_or_goes_on_is_refused(data: st.DataObject) -> None:
    whole = save({"a": torch.arange(5.0), "b": torch.zeros(2, dtype=torch.uint8)})
    place = data.draw(st.integers(0, len(whole) - 1))
    for damaged in (whole[:place], whole + bytes(1 + place)):
        with pytest.raises(InputError):
            check_header(damaged)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "its header is cut off or too long"),
        (struct.pack("<Q", 2**62) + b"{}", "its header is cut off or too long"),
        (assemble([]), "header: is not a mapping"),
        (assemble({"__metadata__": {"a": 1}}), "header: __metadata__: is not a mapping of texts"),
        (assemble({"a": entry(0, 2, 3)}, b"12"), "header: a: does not lie where its shape says"),
        (assemble({"a": entry(1, 2, 1)}, b"12"), "header: a: does not lie where its shape says"),
        (
            assemble({"a": entry(0, 2, 2), "b": entry(1, 3, 2)}, b"123"),
            "header: b: does not lie where its shape says",
        ),
        (assemble({"a": entry(0, 1, 1)}, b"12"), "bytes where"),
        (assemble({"a": entry(0, 1, 1, dtype="U7")}, b"1"), 'header: a.dtype: "U7" is not one'),
        (assemble({"a": entry(0, 0, 0, 2**48)}), "header: a.shape[1]"),
        (assemble({"a": entry(0, 0, *[0] * 40)}), "header: a.shape"),
        (assemble({"a": entry(0, 1, 1) | {"more": 1}}, b"1"), "header: a"),
    ],
)
def test_a_damaged_header_is_one_error_that_names_its_part(
    tmp_path: Path, data: bytes, problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        check_header(data)
    assert problem in str(caught.value)
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_header(tmp_path / "model.safetensors", "export it again")
    assert caught.value.where == str(tmp_path / "model.safetensors")
    assert caught.value.problem.startswith("is damaged (")
    assert caught.value.cure == "export it again"
