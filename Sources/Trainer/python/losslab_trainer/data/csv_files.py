"""Tables of text, row by row: a row that cannot be read costs itself, and reading ends with the last that is wanted.

A quote that is not closed would take all lines up to the next quote, or the file's end, into its cell. So where such a
row fails, its first line alone is a bad row, and the lines behind it are read again by themselves.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from itertools import islice

from losslab_trainer.data import opening
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.soundness import MOST_COLUMNS
from losslab_trainer.data.sources import Broken, RawRow

UTF16 = (b"\xff\xfe", b"\xfe\xff")
LINES_LOOKED_AT = 20  # of those that a row took, for ones that are rows by themselves
Cells = list[str]


class _TooMuch(Exception):
    """A quoted cell takes more than a row may."""


class _Lines:
    """Lines of a file, with their numbers; those that a row took may be given back."""

    def __init__(self, name: str, stream: io.BufferedReader) -> None:
        self.name = name
        self.taken: list[tuple[int, str]] = []
        self.size = 0
        self._read = opening.lines(stream)
        self._back: deque[tuple[int, str | int]] = deque()
        self._number = self._offset = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        """The next line of a row, for the csv module."""
        number, line = self._next()
        self.size += len(line) if isinstance(line, str) else line
        if isinstance(line, int) or self.size > opening.LONGEST_LINE:
            self._back.appendleft((number, line))
            raise _TooMuch
        self.taken.append((number, line))
        return line

    def start(self) -> Broken | None:
        """Begins a row; what is wrong where its first line is too long to be one."""
        self.taken, self.size = [], 0
        number, line = self._next()
        if isinstance(line, int):
            return Broken(f"a line of {line} bytes, more than {opening.LONGEST_LINE}")
        self._back.appendleft((number, line))
        return None

    def give_back(self) -> str:
        """All lines that the row took but its first, which is returned."""
        self._back.extendleft(reversed(self.taken[1:]))
        self.taken = self.taken[:1]
        return self.taken[0][1]

    def _next(self) -> tuple[int, str | int]:
        if self._back:
            return self._back.popleft()
        line = next(self._read)
        self._number += 1
        if isinstance(line, int):
            self._offset += line
            return self._number, line
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataProblem(opening.not_utf8(self.name, self._number, self._offset + error.start)) from None
        self._offset += len(line) + 1
        return self._number, (text.removeprefix("\ufeff") if self._number == 1 else text) + "\n"


def read_csv(name: str, stream: io.BufferedReader, delimiter: str, limit: int | None = None) -> list[RawRow]:
    """A table with a header line. All cells are text; a line with too many or too few cells is one bad row."""
    beginning = stream.peek(1 << 16)
    if beginning.startswith(UTF16):
        stream = _of_bytes(opening.as_utf8(name, opening.whole(name, stream)))
    elif b"\r" in beginning and b"\n" not in beginning:  # lines end with this alone
        stream = _of_bytes(opening.whole(name, stream).replace(b"\r", b"\n"))
    before = csv.field_size_limit(opening.LONGEST_LINE)
    try:
        rows = _rows(_Lines(name, stream), delimiter)
        names = next(rows, None)
        if names is None:
            return []
        if isinstance(names, Broken):
            raise DataProblem(f"the header of {name} cannot be read: {names.explanation}")
        repeated = sorted({column for column in names if names.count(column) > 1})
        if repeated:
            raise DataProblem(f"{name} has several columns called {repeated[0]!r}; rename all but one")
        return [row if isinstance(row, Broken) else dict(zip(names, row, strict=True)) for row in islice(rows, limit)]
    finally:
        csv.field_size_limit(before)


def _of_bytes(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))


def _rows(lines: _Lines, delimiter: str) -> Iterator[Cells | Broken]:
    """The header's cells, then those of each row with as many."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width: int | None = None
    while True:
        try:
            found: Cells | Broken | None = lines.start()
            found = next(reader) if found is None else found
        except StopIteration:
            return
        except (csv.Error, _TooMuch):
            found = _first_alone(lines, delimiter, width)
        if found == []:
            continue  # a line with nothing
        if width is None and not isinstance(found, Broken):
            width = len(found)
            if width > MOST_COLUMNS:
                raise DataProblem(
                    f"{lines.name} has {width} columns, more than {MOST_COLUMNS}; keep those with prompt and answers"
                )
        elif not isinstance(found, Broken) and len(found) != width:
            if _took_rows(lines, delimiter, width):
                found = _first_alone(lines, delimiter, width)
            else:
                found = Broken(f"{len(found)} cells where the header has {width}")
        yield found


def _first_alone(lines: _Lines, delimiter: str, width: int | None) -> Cells | Broken:
    """The first line that a row took, read by itself: loosely, unless a quote in it stays open."""
    several = len(lines.taken) > 1
    line = lines.give_back()
    number = lines.taken[0][0]
    open_quote = Broken(f"a quote that opens in line {number} and is not closed")
    if several or _is_open(line, delimiter):
        return open_quote
    try:
        cells = next(csv.reader([line], delimiter=delimiter))
    except csv.Error as error:
        return Broken(f"line {number} is no row of a table: {error}")
    if width is not None and len(cells) != width:
        return Broken(f"{len(cells)} cells where the header has {width}")
    return cells


def _is_open(line: str, delimiter: str) -> bool:
    try:
        next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _took_rows(lines: _Lines, delimiter: str, width: int | None) -> bool:
    """Whether lines that a row took into a cell are rows by themselves."""
    for _, line in lines.taken[1 : 1 + LINES_LOOKED_AT]:
        try:
            if len(next(csv.reader([line], delimiter=delimiter, strict=True))) == width:
                return True
        except (csv.Error, StopIteration):
            continue
    return False
