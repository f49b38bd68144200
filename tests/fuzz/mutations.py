"""Damage for fuzzers: trees of JSON or YAML, bytes, array files, zips and safetensors, altered.

Pure functions of their input and of a seeded `random.Random`: the same seed gives the same
damage. Nothing here knows what the files mean.
"""

import ast
import copy
import io
import json
import math
import random
import struct
import warnings
import zipfile
from collections.abc import Mapping
from typing import Any

_Place = tuple[str | int, ...]

ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    3.5,
    2**31,
    2**63,
    -(2**63) - 1,
    10**30,
    10**400,
    1e-320,
    1e308,
    -0.0,
    math.nan,
    math.inf,
    -math.inf,
    "",
    " ",
    "text",
    "12",
    "../../x",
    "/dev/zero",
    "a\x00b",
    "\x1b[31m",
    "\u202ereversed",
    "\ud800",
    "x" * 5000,
    [],
    [[]],
    [None],
    [0, "mixed", {}],
    {},
    {"": 0},
    {"a": {"b": []}},
)
"""What no field expects, or only one kind of field."""

_NUMBERS = (0, 1, 255, 2**16, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)
_WORDS = ("|u1", "<i8", "<f4", "<f8", ">i4", "|O", "|V0", "<U9", "|b1", "<M8[s]", "<c16")


def mutate_document(tree: Any, rng: random.Random) -> Any:
    """A copy of a tree of mappings, lists and scalars with one to three places damaged.

    Keys are removed, renamed and added, values replaced, swapped, repeated and nested deeply.
    """
    damaged = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        damaged = _damage(damaged, rng)
    return damaged


def _damage(tree: Any, rng: random.Random) -> Any:
    place = rng.choice(_places(tree))
    if not place:
        return _other(tree, rng) if rng.random() < 0.3 else _inside(tree, rng)
    parent = tree
    for step in place[:-1]:
        parent = parent[step]
    last, what = place[-1], rng.random()
    if what < 0.2:
        del parent[last]
    elif what < 0.3 and isinstance(parent, dict):
        parent[_name(str(last), rng)] = parent.pop(last)
    elif what < 0.4:
        other = rng.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
        parent[last], parent[other] = parent[other], parent[last]
    elif what < 0.5:
        parent[last] = _inside(parent[last], rng)
    else:
        parent[last] = _other(parent[last], rng)
    return tree


def _places(tree: Any) -> list[_Place]:
    """The path of every node, the root's first."""
    found: list[_Place] = []
    waiting: list[tuple[_Place, Any]] = [((), tree)]
    while waiting:
        place, node = waiting.pop()
        found.append(place)
        if isinstance(node, dict):
            waiting += [((*place, key), child) for key, child in node.items()]
        elif isinstance(node, list):
            waiting += [((*place, i), child) for i, child in enumerate(node)]
    return found


def _inside(node: Any, rng: random.Random) -> Any:
    """A node with something added to it, or wrapped."""
    if isinstance(node, dict):
        return node | {_name(rng.choice([*map(str, node), "name"]), rng): _other(None, rng)}
    if isinstance(node, list) and node:
        return node + [copy.deepcopy(rng.choice(node))] * rng.choice((1, 2, 50))
    return rng.choice(([node], {"value": node}, [[node]]))


def _other(node: Any, rng: random.Random) -> Any:
    """Another value in a node's place: near it, of another type, or nested deeply."""
    what = rng.random()
    if what < 0.35 and isinstance(node, (int, float)) and not isinstance(node, bool):
        if not abs(node) < 1e290:  # or it is no number
            return rng.choice((0, str(node), -node))
        scaled = node * rng.choice((-1, 0.5, 2, 10, 1e3, 1e9))
        return rng.choice((node + 1, node - 1, str(node), float(node), scaled, int(scaled)))
    if what < 0.35 and isinstance(node, str):
        return rng.choice((_name(node, rng), rng.choice(_WORDS), node * 2, [node]))
    if what < 0.4:
        deep: Any = rng.choice((0, None, "end"))
        for _ in range(rng.choice((10, 50, 150))):
            deep = [deep] if rng.random() < 0.5 else {"a": deep}
        return deep
    return copy.deepcopy(rng.choice(ODD_VALUES))


def _name(word: str, rng: random.Random) -> str:
    """A word with letters changed, taken away or added."""
    place = rng.randrange(len(word) + 1)
    return rng.choice(
        (
            word[:place] + rng.choice("aZ0_.-/ é\n\x00") + word[place:],
            word[:place] + word[place + 1 :],
            word.upper(),
            word + "s",
            "",
        )
    )


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bytes with bits flipped, ends cut or grown, ranges removed, repeated, zeroed or numbered."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        size = len(damaged)
        start = rng.randrange(size + 1)
        # Headers come first, and small files of ours are mostly header.
        start = min(start, rng.randrange(256)) if rng.random() < 0.5 else start
        end = min(size, start + rng.choice((1, 2, 8, 100, 4096)))
        match rng.randrange(7):
            case 0 if size:
                for _ in range(rng.choice((1, 1, 8))):
                    damaged[rng.randrange(size)] ^= 1 << rng.randrange(8)
            case 1:
                del damaged[start:]
            case 2:
                del damaged[start:end]
            case 3:
                damaged[start:start] = damaged[start:end] * rng.choice((1, 3))
            case 4:
                damaged[start:end] = bytes(end - start)
            case 5:
                form = rng.choice(("<I", "<Q", ">I", "<H"))
                number = rng.choice(_NUMBERS) % (1 << (8 * struct.calcsize(form)))
                damaged[start : start + struct.calcsize(form)] = struct.pack(form, number)
            case _:
                damaged += rng.randbytes(rng.choice((1, 100)))
    return bytes(damaged)


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """A JSON file damaged as a document, written with NaN and Infinity as Python does.

    Now and then a value is nested deeper than any reader follows.
    """
    damaged = mutate_document(json.loads(data), rng)
    text = json.dumps(damaged, indent=rng.choice((None, 1)))
    if rng.random() < 0.02:
        depth = rng.choice((2_000, 100_000))
        text = text.replace("0", rng.choice(("[", '{"a":')) * depth, 1)
    return text.encode()


def mutate_array(data: bytes, rng: random.Random) -> bytes:
    """An .npy file with another header and the same values behind it, or altered bytes."""
    if rng.random() < 0.4:
        return mutate_bytes(data, rng)
    end = data.index(b"\n") + 1
    header = mutate_document(ast.literal_eval(data[10:end].decode().strip()), rng)
    if isinstance(header, dict) and isinstance(header.get("shape"), (list, tuple)):
        sides = [_other(side, rng) if rng.random() < 0.5 else side for side in header["shape"]]
        header["shape"] = tuple(sides)
    text = repr(header).encode("latin-1", "replace")[:60_000] + b"\n"
    return data[:8] + struct.pack("<H", len(text)) + text + data[end:]


def mutate_zip(data: bytes, rng: random.Random) -> bytes:
    """A zip of arrays with a member damaged, lost, renamed, doubled or huge, or altered bytes."""
    if rng.random() < 0.4:
        return mutate_bytes(data, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        members = [(name, opened.read(name)) for name in opened.namelist()]
    place = rng.randrange(len(members))
    name, content = members[place]
    match rng.randrange(6):
        case 0:
            del members[place]
        case 1:
            members[place] = (_name(name, rng), content)
        case 2:
            members.append(members[place])
        case 3:
            members[place] = (name, content[:128] + bytes(64 << 20))
        case _:
            members[place] = (name, mutate_array(content, rng))
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in members:
            written.writestr(zipfile.ZipInfo(name or "empty"), content)
    return out.getvalue()


def mutate_tensors(data: bytes, rng: random.Random) -> bytes:
    """A safetensors file with another header and the same values behind it, or altered bytes."""
    if rng.random() < 0.3:
        return mutate_bytes(data, rng)
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    metadata: Mapping[str, str] = header.get("__metadata__") or {}
    if metadata and rng.random() < 0.5:
        key = rng.choice(sorted(metadata))
        try:
            value = mutate_json(metadata[key].encode(), rng).decode()
        except ValueError:
            value = _name(metadata[key], rng)
        header["__metadata__"] = {**metadata, key: value}
    else:
        header = mutate_document(header, rng)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]
