"""Where a campaign is driven: the same words of a command line go on with it there."""

from pathlib import Path

from ventral.launching import Launch, write_id
from ventral.output import Format


def test_a_launch_goes_on_where_it_began() -> None:
    assert Launch(output=Format.table).options == []
    there = Launch(output=Format.table, address="head:6379")
    assert there.options == ["--address", "head:6379"]


def test_an_id_is_written_whole_in_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    file, reader = tmp_path / "id", tmp_path / "reader"
    write_id(file, "01FIRST")
    reader.hardlink_to(file)  # as a program that has it open
    write_id(file, "01SECOND")
    assert (file.read_text(), reader.read_text()) == ("01SECOND\n", "01FIRST\n")
    assert {one.name for one in tmp_path.iterdir()} == {"id", "reader"}


def test_a_device_is_not_replaced_by_an_id(tmp_path: Path) -> None:
    device = tmp_path / "null"
    device.symlink_to("/dev/null")
    write_id(device, "01FIRST")
    assert device.is_symlink()
    assert device.read_text() == ""
