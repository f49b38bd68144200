"""What runs in the page: whole, in elements that nothing in them can end."""

import base64
import hashlib
import json

import pytest

from dashboards.figures.theme import PAIRS
from dashboards.report import scripts

ODD = {
    "name": "</script><script>alert(1)</script><!--",
    "line": "a\u2028b\u2029c",
    "is": [None, 1],
}


def test_json_in_a_script_ends_no_script_and_is_read_back() -> None:
    text = scripts.write_json(ODD)
    assert "<" not in text
    assert text.isascii(), "what turns the direction of text is written as an escape, too"
    assert json.loads(text) == ODD


def test_what_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        scripts.write_json(float("nan"))


def test_scripts_end_no_element_and_ask_for_no_address() -> None:
    for script in (scripts.bundle_vega(), scripts.read_script()):
        assert "</script" not in script.lower()
        assert "<!--" not in script
        assert "\r" not in script
        assert "cdn.jsdelivr" not in script
    assert "vegaEmbed" in scripts.bundle_vega()
    assert 500_000 < len(scripts.bundle_vega()) < 1_200_000


def test_a_script_that_would_end_its_element_is_written_otherwise() -> None:
    assert scripts.keep_inside("a='</SCRIPT>';b='<!--'\r\n") == "a='\\x3C/SCRIPT>';b='\\x3C!--'\n"


def test_the_policy_lets_these_scripts_run_and_nothing_be_asked_for() -> None:
    policy = scripts.write_policy(["one"])
    digest = base64.b64encode(hashlib.sha256(b"one").digest()).decode()
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert parts["script-src"] == f"'sha256-{digest}'"
    assert "http" not in policy


def test_a_dark_page_is_printed_light() -> None:
    style = scripts.write_style()
    rules = style[style.rindex("@media print") :]
    for light, dark in PAIRS.items():
        assert f'[fill="{dark}"]{{fill:{light}}}' in rules
