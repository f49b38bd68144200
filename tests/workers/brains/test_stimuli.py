from __future__ import annotations

import os
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from space.errors import DataError
from workers.brains import stimuli
from workers.brains.stimuli import read_stimuli

TABLE = "stimulus_id,filename,object_name\nb,b.png,dog\na,deep/a.png,car\n"


def write(folder: Path, text: str = TABLE) -> Path:
    table = folder / "set.csv"
    table.write_text(text)
    return table


def test_images_in_a_folder_and_in_a_zip_file(tmp_path: Path) -> None:
    images = tmp_path / "images"
    (images / "deep").mkdir(parents=True)
    (images / "b.png").write_bytes(b"bb")
    (images / "deep" / "a.png").write_bytes(b"a")
    packed = tmp_path / "images.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(images / "b.png", "b.png")
        archive.write(images / "deep" / "a.png", "deep/a.png")
    for place in (images, packed):
        chosen = read_stimuli(write(tmp_path), place)
        assert [*chosen.rows] == ["b", "a"]
        assert chosen.columns == ["stimulus_id", "filename", "object_name"]
        assert [chosen.read_image(name) for name in chosen.rows] == [b"bb", b"a"]
    old = read_stimuli(write(tmp_path, TABLE.replace("stimulus_id", "image_id")), images)
    assert old.read_image("b") == b"bb"


def test_no_name_leads_out_of_the_images(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    images = tmp_path / "images"
    images.mkdir()
    for name in ("../secret.png", "/etc/passwd", "a/../../secret.png", "..\\secret.png", ""):
        with pytest.raises(DataError, match="leads elsewhere; give a name inside the folder"):
            read_stimuli(write(tmp_path, f"stimulus_id,filename\na,{name}\n"), images)
    (images / "link.png").symlink_to(tmp_path / "secret.png")
    linked = read_stimuli(write(tmp_path, "stimulus_id,filename\na,link.png\n"), images)
    with pytest.raises(DataError, match="leads out of the folder of images"):
        linked.read_image("a")


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stimuli, "LARGEST_IMAGE", 1000)
    images, packed = tmp_path / "images", tmp_path / "images.zip"
    images.mkdir()
    (images / "a.png").write_bytes(bytes(1001))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(1001))
    table = write(tmp_path, "stimulus_id,filename\na,a.png\n")
    with pytest.raises(DataError, match="larger than 1,000 bytes"):
        read_stimuli(table, images).read_image("a")
    with pytest.raises(DataError, match="inflates to 1,001 bytes, more than 1,000"):
        read_stimuli(table, packed).read_image("a")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id,filename\na,b.png\n", "has no column stimulus_id; it has filename, id"),
        ("stimulus_id,file\na,b.png\n", "has no column filename; it has file, stimulus_id"),
        ("stimulus_id,filename\n", "has no rows"),
        ("stimulus_id,filename\na,b.png\na,c.png\n", "has the stimulus a twice"),
        ('stimulus_id,filename\na,"b.png\n', "is not CSV"),
    ],
)
def test_what_is_no_table_is_one_error(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(DataError, match=line):
        read_stimuli(write(tmp_path, text))


def test_missing_images(tmp_path: Path) -> None:
    table = write(tmp_path)
    with pytest.raises(DataError, match="images: are not given"):
        read_stimuli(table).read_image("a")
    with pytest.raises(DataError, match="there is no such file"):
        read_stimuli(table, tmp_path).read_image("a")
    packed = tmp_path / "images.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("c.png", b"c")
    with pytest.raises(DataError, match=r"a.png: is not in the archive"):
        read_stimuli(table, packed).read_image("a")
    packed.write_bytes(b"PK no zip")
    with pytest.raises(DataError, match=r"a.png: cannot be read"):
        read_stimuli(table, packed).read_image("a")


def test_an_archive_is_opened_once_and_only_if_it_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, packed, pipe = write(tmp_path), tmp_path / "images.zip", tmp_path / "pipe.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("b.png", b"bb")
        archive.writestr("deep/a.png", b"a")
    opened: list[object] = []

    def open_archive(path: object) -> zipfile.ZipFile:
        opened.append(path)
        return zipfile.ZipFile(packed)

    monkeypatch.setattr(stimuli, "zipfile", SimpleNamespace(ZipFile=open_archive))
    chosen = read_stimuli(table, packed)
    assert [chosen.read_image(name) for name in chosen.rows] == [b"bb", b"a"]
    assert opened == [packed]
    os.mkfifo(pipe)
    with pytest.raises(DataError, match=r"pipe.zip: is not a regular file"):
        read_stimuli(table, pipe).read_image("b")
