"""JSON and JSON lines.

JSON lines are read one by one: a bad line is one bad row, and a row has the keys that its line has. A reader with one
schema for the file, such as pyarrow's, gives every row the keys of all others and turns text like a date into a time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.sources import Broken, RawRow


def read_json(name: str, content: bytes) -> list[RawRow]:
    """Rows of a JSON file: an array of objects, columns of equal length, or JSON lines after all."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    start = content.lstrip()[:1]
    if start == b"{" and _first_line_is_object(content):
        return read_json_lines(name, content)
    try:
        value = json.loads(content)
    except ValueError as error:
        if start == b"{" and content.strip().count(b"\n") > 0:
            return read_json_lines(name, content)
        raise DataProblem(f"{name} is not JSON: {error}") from None
    return _rows_of(name, value)


def _first_line_is_object(content: bytes) -> bool:
    """Whether this is JSON lines of more than one line: many such files are called .json."""
    first, _, rest = content.strip().partition(b"\n")
    try:
        return bool(rest.strip()) and isinstance(json.loads(first), dict)
    except ValueError:
        return False


def _rows_of(name: str, value: Any) -> list[RawRow]:
    if isinstance(value, list):
        return [row if isinstance(row, dict) else Broken(f"not an object but {_kind(row)}") for row in value]
    if not isinstance(value, dict):
        raise DataProblem(f"{name} holds {_kind(value)}; a JSON file of pairs is an array of objects, or JSON lines")
    lists = {key: part for key, part in value.items() if isinstance(part, list)}
    tables = [key for key, part in lists.items() if part and all(isinstance(row, dict) for row in part)]
    lengths = {len(part) for part in lists.values()}
    if len(lists) > 1 and len(lists) == len(value) and len(lengths) == 1:
        keys = list(value)
        return [dict(zip(keys, row, strict=True)) for row in zip(*value.values(), strict=True)]
    if len(tables) == 1:
        return _rows_of(name, lists[tables[0]])
    if len(tables) > 1:
        raise DataProblem(
            f"{name} holds several lists of rows: {', '.join(tables)}; write the one you mean to a file of its own"
        )
    if lists:
        raise DataProblem(f"{name} is one object whose lists are no rows; a file of pairs is an array of objects")
    return [value]


def read_json_lines(name: str, content: bytes) -> list[RawRow]:
    """Rows of JSON lines; blank lines do not count."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    return [_line(line) for line in content.split(b"\n") if line.strip()]


def _line(line: bytes) -> RawRow:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Broken(f"not UTF-8 at byte {error.start} of the line")
    except ValueError as error:
        return Broken(f"not JSON: {error}")
    except RecursionError:
        return Broken("not JSON: nested too deeply")
    return value if isinstance(value, dict) else Broken(f"not an object but {_kind(value)}")


def _kind(value: Any) -> str:
    names = {list: "a list", str: "text", bool: "true or false", type(None): "null", dict: "an object"}
    return names.get(type(value), "a number")


def columns_of(rows: Sequence[RawRow]) -> tuple[str, ...]:
    """All keys that rows have, in the order in which they first appear."""
    columns: dict[str, None] = {}
    for row in rows:
        if isinstance(row, Mapping):
            columns.update(dict.fromkeys(str(key) for key in row))
    return tuple(columns)
