"""JSON and JSON lines.

JSON lines are read one by one: a bad line is one bad row, and a row has the keys that its line has. A reader with one
schema for the file, such as pyarrow's, gives every row the keys of all others and turns text like a date into a time.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from losslab_trainer.data.opening import DEEPEST_ROW, LONGEST_LINE, as_utf8, depth, lines
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.sources import Broken, RawRow

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SIGNS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)


def read_json(name: str, content: bytes, limit: int | None = None) -> list[RawRow]:
    """Rows of a JSON file: an array of objects, columns of equal length, or JSON lines after all."""
    content = as_utf8(name, content)
    start = content.lstrip()[:1]
    if start == b"{" and _first_line_is_object(content):
        return read_json_lines(lines(io.BufferedReader(io.BytesIO(content))), limit)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        if start == b"{" and content.strip().count(b"\n") > 0:
            return read_json_lines(lines(io.BufferedReader(io.BytesIO(content))), limit)
        elements = [_line(element) for element in _elements(content.strip())]
        if any(not isinstance(row, Broken) for row in elements):  # the others are at fault
            return elements[:limit]
        if isinstance(error, RecursionError):
            raise DataProblem(f"{name} nests too deeply to be rows of text") from None
        raise DataProblem(f"{name} is not JSON: {error}") from None
    return _rows_of(name, value)


def _elements(content: bytes) -> list[bytes]:
    """The elements of an array, each as it is written; none of what is no whole array."""
    found: list[bytes] = []
    deep, start = 0, 1
    for sign in _SIGNS.finditer(content):
        kind = sign[0]
        if kind in b"[{":
            deep += 1
        elif kind in b"]}":
            deep -= 1
        if (kind == b"," and deep == 1) or (deep == 0 and sign.end() == len(content)):
            found.append(content[start : sign.start()].strip())
            start = sign.end()
        elif deep < 1:
            return []
    return found if deep == 0 and content[:1] == b"[" and start == len(content) and all(found) else []


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


def read_json_lines(found: Iterable[bytes | int], limit: int | None = None) -> list[RawRow]:
    """Rows of JSON lines, the first ``limit``; blank lines do not count. A number is the length of too long a line."""
    rows: list[RawRow] = []
    for number, line in enumerate(found):
        if limit is not None and len(rows) >= limit:
            break
        if isinstance(line, int):
            rows.append(Broken(f"a line of {line} bytes, more than {LONGEST_LINE}"))
            continue
        text = line.removeprefix(BYTE_ORDER_MARK) if number == 0 else line
        if text.strip():
            rows.append(_line(text))
    return rows


def _line(line: bytes) -> RawRow:
    deep = depth(line)
    if deep > DEEPEST_ROW:
        return Broken(f"nested {deep} deep, more than {DEEPEST_ROW}")
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Broken(f"not UTF-8 at byte {error.start} of the line")
    except ValueError as error:
        return Broken(f"not JSON: {str(error).split(';')[0]}")
    if not isinstance(value, dict):
        return Broken(f"not an object but {_kind(value)}")
    return value


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
