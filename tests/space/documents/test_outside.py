"""Outside files and texts: what is refused, what is escaped, what is redacted."""

import json
import os
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from space.documents.outside import (
    escape_markup,
    markdown,
    printable,
    read_bytes,
    read_markdown,
    read_text,
    redact,
)
from space.errors import DataError, InputError


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_bytes(tmp_path / "file", 5) == b"12345"


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_bytes(tmp_path / "link", 5) == b"12345"


def test_a_larger_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"123456")
    with pytest.raises(DataError, match="larger than 5 bytes"):
        read_bytes(tmp_path / "file", 5, DataError)


def test_a_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match="not a regular file"):
        read_bytes(tmp_path / "fifo", 5)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev", "/proc/self/fd"])
def test_devices_and_folders_are_refused(path: str) -> None:
    with pytest.raises(InputError, match=r"not a regular file|cannot be read"):
        read_bytes(Path(path), 5)


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("x")
    with pytest.raises(InputError, match="cannot be read"):
        read_bytes(tmp_path / "x", 5)


def test_a_missing_file_and_an_impossible_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_bytes(tmp_path / "none", 5)
    with pytest.raises(InputError, match="cannot be read"):
        read_bytes(tmp_path / "a\0b", 5)


def test_text_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbf{}")
    assert read_text(tmp_path / "file", 100) == "{}"
    (tmp_path / "file").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read_text(tmp_path / "file", 100)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode and 日本", "plain, ünïcode and 日本"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\tc", r"a\nb\tc"),
        ("left‮right", r"left\u202eright"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_steers_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_may_be_kept() -> None:
    assert printable("a\nb\x1b", lines=True) == "a\nb\\x1b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:PW@h/d", "postgresql://u:***@h/d"),
        ("postgresql+psycopg://u:P/W@x@h:notaport/d", "postgresql+psycopg://u:***@h:notaport/d"),
        ("at 'postgresql://h/d?user=u&password=PW&x=1'", "at 'postgresql://h/d?user=u&password=***&x=1'"),
        ("https://:PW@host:5000 is down", "https://:***@host:5000 is down"),
        ("postgresql://me@corp:PW@h/d", "postgresql://me@corp:***@h/d"),
        ("'postgresql://u:P'W@h/d'", "'postgresql://u:***@h/d'"),
        ("postgresql://u:P W@h/d is away", "postgresql://u:***@h/d is away"),
        ("PGPASSWORD=PW password='PW'", "PGPASSWORD=*** password='***'"),
        ('{"password": "PW", "user": "u"}', '{"password": "***", "user": "u"}'),
        ("password authentication failed", "password authentication failed"),
        ("sqlite:////tmp/a:b.db and http://host:5000/me", "sqlite:////tmp/a:b.db and http://host:5000/me"),
    ],
)  # fmt: skip
def test_passwords_of_addresses_are_replaced(text: str, shown: str) -> None:
    assert redact(text) == shown


SIGNS = st.text("aZ7 @:/?&=#%'\"\\\té", max_size=12)
SECRET = "S3CRET"


@given(before=SIGNS, after=SIGNS, user=st.sampled_from(["u", "", "me@corp"]), rest=SIGNS)
def test_no_sign_in_a_password_keeps_it_from_being_hidden(
    before: str, after: str, user: str, rest: str
) -> None:
    password = before + SECRET + after
    shown = redact(f"at postgresql://{user}:{password}@host/d {rest}\nand further on")
    assert SECRET not in shown
    assert shown.startswith(f"at postgresql://{user}:***@")
    assert shown.endswith("\nand further on")


@given(before=SIGNS, after=SIGNS, name=st.sampled_from(["password", "TOKEN", "pwd"]))
def test_a_password_in_quotes_is_hidden_whole(before: str, after: str, name: str) -> None:
    password = before + SECRET + after
    written = json.dumps({name: password, "user": "u"})
    assert redact(written) == json.dumps({name: "***", "user": "u"})
    quoted = password.replace("\\", "\\\\").replace("'", "\\'")
    assert redact(f"{name}='{quoted}' user=u") == f"{name}='***' user=u"


STEERING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
TEXTS = st.text(
    st.one_of(
        st.characters(), st.sampled_from("\x1b\x07\r\n\t\x9b\u202e\u2066<>&\"'`|*_[]()!#\\~")
    )
)


class Shown(HTMLParser):
    """The elements of a page, the attributes of the last one, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.given: dict[str, str | None] = {}
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.given = dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(TEXTS)
def test_a_terminal_gets_no_sign_that_steers_it(text: str) -> None:
    assert not {unicodedata.category(sign) for sign in printable(text)} & STEERING
    kept = printable(text, lines=True)
    assert not {unicodedata.category(sign) for sign in kept if sign != "\n"} & STEERING
    assert kept.count("\n") == text.count("\n")
    assert printable(printable(text)) == printable(text)


@given(TEXTS)
def test_a_page_and_a_picture_show_the_text_and_nothing_else(text: str) -> None:
    page = f'<p title="{escape_markup(text)}">{escape_markup(text)}</p>'
    shown = Shown(page)
    assert shown.names == ["p"]
    assert shown.given == {"title": printable(text)}
    assert shown.text == printable(text)
    picture = ElementTree.fromstring(page)
    assert (picture.text or "", picture.get("title")) == (printable(text), printable(text))


@given(TEXTS)
def test_markdown_shows_the_text_and_nothing_else(text: str) -> None:
    shown = Shown(MarkdownIt("commonmark").enable("table").render(f"x{markdown(text)}x"))
    assert set(shown.names) == {"p"}
    assert shown.text == f"x{printable(text)}x\n"
    assert read_markdown(markdown(text)) == printable(text)
    noted = Shown(MarkdownIt("commonmark").render(markdown(text, lines=True)))
    assert not set(noted.names) & {"a", "img", "script", "code", "em", "strong"}
