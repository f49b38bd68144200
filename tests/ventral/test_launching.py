"""Where a campaign is driven: the same words of a command line go on with it there."""

from ventral.launching import Launch
from ventral.output import Format


def test_a_launch_goes_on_where_it_began() -> None:
    assert Launch(output=Format.table).options == []
    there = Launch(output=Format.table, address="head:6379")
    assert there.options == ["--address", "head:6379"]
