"""The contracts of what other packages may bring, as pytest classes to derive from.

    from ventral.testing import SamplerSuite

    class TestMySampler(SamplerSuite):
        kind = MySampler

Needs pytest. docs/extending.md has a page's worth of examples.
"""

import pytest

for _module in ("samplers", "early_stopping", "data"):
    pytest.register_assert_rewrite(f"ventral.testing.{_module}")

from ventral.testing.data import DataSetSuite  # noqa: E402 - only from there on are they rewritten
from ventral.testing.early_stopping import EarlyStoppingSuite  # noqa: E402
from ventral.testing.samplers import SamplerSuite  # noqa: E402

__all__ = ["DataSetSuite", "EarlyStoppingSuite", "SamplerSuite"]
