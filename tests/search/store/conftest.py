"""A store by itself, without a home, on each of the two databases."""

from collections.abc import Iterator

import pytest

from search.store import Store


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()
