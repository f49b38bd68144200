"""All revisions are of one transaction."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op

from search.store import Store
from search.store.engine import engine_for


def test_a_migration_that_fails_leaves_nothing_behind(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_index", fails)
        with pytest.raises(RuntimeError, match="the power went"):
            Store.open(url)
    _, engine = engine_for(url, create=False)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    assert Store.open(url).campaigns.all() == []
