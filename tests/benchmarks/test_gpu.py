"""The run on a GPU, with the CPU standing in: it is complete, and prints its JSON in any case."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from benchmarks import gpu
from benchmarks.gpu_parts import PARTS, NotPassedError, Scale

ROOT = Path(__file__).parents[2]
CPU = Scale(device="cpu", small=True)

NUMBERS = {
    "parity": ["errors", "tolerance"],
    "bf16": ["top1", "difference", "seed_deviation", "low_precision_used"],
    "planned": ["size", "batch", "literal", "planned", "error"],
    "memory": ["rows", "tolerance"],
    "sharing": ["top1", "overlap_seconds"],
    "out_of_memory": ["status", "attempts", "second_tries", "errors"],
    "tests": ["summary", "exit_code"],
}
"""What the numbers of a part that passed have to have."""


def outcome(name: str) -> dict[str, Any]:
    """The schema of one part."""
    fields: dict[str, Any] = {
        "status": {"enum": ["passed", "failed", "over time"]},
        "seconds": {"type": "number", "minimum": 0},
        "budget": {"type": "number", "exclusiveMinimum": 0},
        "numbers": {"type": "object"},
        "error": {"type": "string"},
    }
    passed = {
        "if": {"properties": {"status": {"const": "passed"}}},
        "then": {"properties": {"numbers": {"required": NUMBERS[name]}, "error": {"const": ""}}},
        "else": {"properties": {"error": {"minLength": 1}}},
    }
    strict = {"required": list(fields), "additionalProperties": False}
    return {"type": "object", "properties": fields} | strict | passed


def schema(parts: list[str]) -> dict[str, Any]:
    """The schema of the JSON of a run."""
    fields: dict[str, Any] = {
        "device": {"enum": ["cpu", "cuda"]},
        "small": {"type": "boolean"},
        "gpu": {"type": ["string", "null"]},
        "gpu_memory": {"type": ["integer", "null"]},
        "cuda": {"type": ["string", "null"]},
        "torch": {"type": "string"},
        "cores": {"type": "integer"},
        "seconds": {"type": "number"},
        "passed": {"type": "boolean"},
        "parts": {
            "type": "object",
            "properties": {name: outcome(name) for name in parts},
            "required": parts,
            "additionalProperties": False,
        },
    }
    strict = {"required": list(fields), "additionalProperties": False}
    return {"type": "object", "properties": fields} | strict


def test_all_parts_together_take_eight_minutes() -> None:
    assert sum(seconds for _, seconds in PARTS.values()) == 480
    assert set(NUMBERS) == set(PARTS)


def test_a_part_that_hangs_is_ended_and_the_json_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["bf16", "memory"]
    chosen = [word for name in names for word in ("--part", name)]
    monkeypatch.setattr(sys, "argv", ["gpu", "--device", "cpu", *chosen, "--patience", "1e-4"])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == 1
    found = json.loads(capsys.readouterr().out)
    Draft202012Validator(schema(names)).validate(found)
    assert {part["status"] for part in found["parts"].values()} == {"over time"}
    assert (found["device"], found["small"], found["passed"]) == ("cpu", True, False)


def test_a_run_that_is_asked_to_end_says_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """By SIGTERM, in the middle of its second part."""
    done = gpu.Outcome(status="passed", seconds=1.0, budget=60.0)

    def run(name: str, _scale: Scale, _patience: float) -> gpu.Outcome:
        if name != "parity":
            os.kill(os.getpid(), signal.SIGTERM)
        return done

    monkeypatch.setattr(gpu, "run_apart", run)
    before = signal.getsignal(signal.SIGTERM)
    found = gpu.run_all(["parity", "bf16", "memory"], CPU, 1.0)
    assert signal.getsignal(signal.SIGTERM) is before
    assert found.pop("parity") == done
    for name in ("bf16", "memory"):
        assert found[name].status == "over time"
        assert found[name].error == "the run was ended before it"


def test_a_part_that_breaks_is_one_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an error of its own with its numbers, or by any other with its last words."""

    def measured(_scale: Scale) -> dict[str, Any]:
        raise NotPassedError("too much", {"found": 3})

    monkeypatch.setitem(PARTS, "memory", (measured, 60))
    assert gpu.run_here("memory", CPU) == {"numbers": {"found": 3}, "error": "too much"}
    monkeypatch.setattr(sys, "executable", "/bin/false")
    failed = gpu.run_apart("memory", CPU, 1.0)
    assert (failed.status, failed.error) == ("failed", "ended with 1")


def test_the_forecast_is_measured() -> None:
    found = gpu.run_here("memory", CPU)
    assert found["error"] == ""
    assert len(found["numbers"]["rows"]) == 4


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_the_cpu_stands_in_for_all_of_it() -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--device", "cpu", "--patience", "6"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    Draft202012Validator(schema(list(PARTS))).validate(found)
    errors = {name: part["error"] for name, part in found["parts"].items() if part["error"]}
    assert errors == {}, found
    assert done.returncode == 0
    assert (found["device"], found["gpu"]) == ("cpu", None)
