"""Where a campaign is driven, and what is said at its end: the same words of a command line go on
with it there.
"""

from pathlib import Path

from search.review import ranking
from search.store import Store
from search.upkeep.matched import select_winners
from tests.support.campaigns import add, new_campaign, train
from ventral.cells import closing_lines
from ventral.launching import Launch, next_commands, write_id
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


def test_matched_controls_are_offered_wherever_the_best_recurrent_network_ranks(
    store: Store,
) -> None:
    """They are those of the network that the closing lines name."""
    record = new_campaign(store)
    for number in range(12):
        add(store, record.id, number, cell="feedforward, out = input5")
        train(store, record.id, number, 0.9)
    assert not any(
        "--matched" in line for line in next_commands(record, ranking.best(store, record.id))
    )
    add(store, record.id, 12, cell="out = input3 + out5")
    train(store, record.id, 12, 0.5)
    searched = ranking.best(store, record.id)
    assert any("--matched" in line for line in next_commands(record, searched))
    [winner], _ = select_winners(store, record.id, 1)
    assert f"(trial {winner.number})" in closing_lines(searched, [], [])[0]
