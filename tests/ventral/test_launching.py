"""Where a campaign is driven, and what is said at its end: the same words of a command line go on
with it there.
"""

from search.review import ranking
from search.store import Store
from search.upkeep.matched import select_winners
from tests.support.campaigns import add, new_campaign, train
from ventral.cells import closing_lines
from ventral.launching import Launch, next_commands
from ventral.output import Format


def test_a_launch_goes_on_where_it_began() -> None:
    assert Launch(output=Format.table).options == []
    there = Launch(output=Format.table, address="head:6379")
    assert there.options == ["--address", "head:6379"]


def test_matched_controls_are_offered_wherever_the_best_recurrent_network_ranks(
    store: Store,
) -> None:
    """They are those of the network that the closing lines name."""
    record = new_campaign(store)
    for number in range(12):
        add(store, record.id, number, cell="feedforward, out: in5")
        train(store, record.id, number, 0.9)
    assert not any(
        "--matched" in line for line in next_commands(record, ranking.best(store, record.id))
    )
    add(store, record.id, 12, cell="out: in3 + out5")
    train(store, record.id, 12, 0.5)
    searched = ranking.best(store, record.id)
    assert any("--matched" in line for line in next_commands(record, searched))
    [winner], _ = select_winners(store, record.id, 1)
    assert f"(trial {winner.number})" in closing_lines(searched, [], [])[0]
