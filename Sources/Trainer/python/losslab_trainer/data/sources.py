"""Rows of a source as they lie there: mappings from column to value, or what is wrong where there is no row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Broken:
    """A place in the source that holds no row, such as a malformed line."""

    explanation: str


RawRow = Mapping[str, Any] | Broken


def is_null(value: Any) -> bool:
    """Whether there is no value, as tables of numbers write it too."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def is_nothing(value: Any) -> bool:
    """Whether a cell or a field holds nothing: null, or empty."""
    return is_null(value) or (isinstance(value, str | Sequence | Mapping) and len(value) == 0)


@dataclass(frozen=True)
class Source:
    """All rows of one split, in their order; a row's number is its place in ``rows``."""

    name: str  # as problems call it: path, and split where there is one
    columns: tuple[str, ...]
    rows: Sequence[RawRow]
    split: str | None = None
    other_splits: tuple[str, ...] = ()
