"""What setuptools builds (building/layout.py); all else is said in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from building.layout import describe  # noqa: E402  (found only from here)

setup(**describe(ROOT))
