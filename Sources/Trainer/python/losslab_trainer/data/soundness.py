"""Whether a value of a row can be worked with: so deep, so many keys, whole characters. All rows pass here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from losslab_trainer.data.opening import DEEPEST_ROW, depth
from losslab_trainer.data.sources import Broken, RawRow

MOST_COLUMNS = 2_000


def sound(rows: Iterable[RawRow]) -> list[RawRow]:
    """The rows, with what is wrong in the place of those that cannot be worked with."""
    return [row if isinstance(row, Broken) else _sound(row) for row in rows]


def json_of(text: str) -> Any:
    """A value written as JSON text. Raises ValueError, also for one that cannot be worked with."""
    deep = depth(text.encode("utf-8", "replace"))
    if deep > DEEPEST_ROW:
        raise ValueError(f"nested {deep} deep, more than {DEEPEST_ROW}")
    value = json.loads(text)
    fault = fault_of(value)
    if fault is not None:
        raise ValueError(fault)
    return value


def fault_of(value: Any) -> str | None:
    """What is wrong with a value, in one clause; None if nothing is."""
    parts: list[Any] = [value]
    levels = 0
    while parts:
        within: list[Any] = []
        for part in parts:
            if isinstance(part, str):
                half = None if part.isascii() else next((s for s in part if "\ud800" <= s <= "\udfff"), None)
                if half is not None:
                    return f"half a surrogate pair (\\u{ord(half):04x}), which is no character"
            elif isinstance(part, Mapping):
                within += part.keys()
                within += part.values()
            elif isinstance(part, list):
                within += part
        if any(isinstance(part, Mapping | list) for part in parts):
            levels += 1
        if levels > DEEPEST_ROW:
            return f"nested more than {DEEPEST_ROW} deep"
        parts = within
    return None


def _sound(row: Mapping[str, Any]) -> RawRow:
    fault = f"{len(row)} columns, more than {MOST_COLUMNS}" if len(row) > MOST_COLUMNS else fault_of(row)
    return row if fault is None else Broken(fault)
