"""Logs as text and as JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from space.errors import InputError
from workers.logs import (
    LOG_VARIABLE,
    describe,
    format_object,
    make_formatter,
    read_log_format,
    writes_json,
)


def _record(text: str, level: int = logging.WARNING, **extra: Any) -> logging.LogRecord:
    logger = logging.Logger("search.driver")
    return logger.makeRecord(logger.name, level, "file", 1, text, (), None, extra=extra)


@pytest.mark.parametrize(("value", "form"), [("", "text"), ("text", "text"), ("json", "json")])
def test_one_variable_says_the_format(value: str, form: str) -> None:
    assert read_log_format({LOG_VARIABLE: value}) == form
    assert writes_json({LOG_VARIABLE: value}) == (form == "json")


def test_another_format_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(InputError, match="VENTRAL_LOG: yaml is no format of logs; write one of"):
        read_log_format({LOG_VARIABLE: "yaml"})


def test_an_object_says_when_where_and_about_what() -> None:
    formatter = make_formatter("json", "driver", "abcdefgh")
    record = _record("failed trial 3 {}", logging.ERROR, **describe("failed", 3, {"top1": 0.5}))
    line = json.loads(formatter.format(record))
    assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    assert line == {
        "level": "error",
        "part": "driver",
        "campaign": "abcdefgh",
        "trial": 3,
        "event": "failed",
        "detail": {"top1": 0.5},
    }


def test_a_message_is_an_event_and_has_no_empty_fields() -> None:
    line = json.loads(make_formatter("json", "worker", "abcdefgh", 7).format(_record("a\nb")))
    assert line.keys() == {"time", "level", "part", "campaign", "trial", "event"}
    assert (line["event"], line["trial"]) == ("a\nb", 7)


def test_an_object_is_one_line_of_strict_json() -> None:
    text = format_object("a\nb\x1b[2J\u2028", "info", "command", detail={"top1": float("nan")})
    assert text.isprintable()
    assert json.loads(text, parse_constant=pytest.fail)["detail"] == {"top1": None}


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_line_has_a_password(form: Any) -> None:
    try:
        raise ValueError("postgresql://u:hushed@h/d")
    except ValueError:
        detail = {"a": ["http://u:hushed@h"]}
        record = _record("at http://u:hushed@h", **describe("http://u:hushed@h", 1, detail))
        record.exc_info = sys.exc_info()
    text = make_formatter(form, "driver").format(record)
    assert "hushed" not in text
    assert text.count("***") >= 2
