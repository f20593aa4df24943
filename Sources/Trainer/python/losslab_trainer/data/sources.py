"""Rows of a source as they lie there: mappings from column to value, or what is wrong where there is no row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Broken:
    """A place in the source that holds no row, such as a malformed line."""

    explanation: str


RawRow = Mapping[str, Any] | Broken


@dataclass(frozen=True)
class Source:
    """All rows of one split, in their order; a row's number is its place in ``rows``."""

    name: str  # as problems call it: path, and split where there is one
    columns: tuple[str, ...]
    rows: Sequence[RawRow]
    split: str | None = None
    other_splits: tuple[str, ...] = ()
