"""Opens a file of data within bounds: nothing is read before its kind and size are known to be ones that can be.

Bounds: regular files only (a pipe would be waited for), so many bytes when unpacked, so many bytes a line, and so deep
a row. What is over the first two costs the file, with the next step in the error; over the others, its row.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from losslab_trainer.data.problem import DataProblem

GZIP = b"\x1f\x8b"  # first bytes, whatever the name says
COMPRESSIONS = (".gz", ".bz2", ".zst", ".lz4", ".br")
LARGEST_FILE = 4 << 30  # bytes when unpacked, of a file that is read as a whole
LONGEST_LINE = 16 << 20  # bytes
DEEPEST_ROW = 64  # objects and lists within one another
CHUNK = 1 << 20
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"  # in a name from a command line: it held something else
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """The unpacked bytes of a regular file, as a stream. Raises DataProblem for anything that is no file."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise DataProblem(f"{path} is no regular file but a pipe, a socket or a device; write its rows to a file first")
    packed = path.suffix.lower() in COMPRESSIONS
    if not packed:
        with path.open("rb") as raw:
            packed_anyway = raw.read(2) == GZIP
    compression = "detect" if packed else ("gzip" if packed_anyway else None)
    with pa.input_stream(str(path), compression=compression) as stream:
        yield io.BufferedReader(stream)


def whole(path: Path | str, stream: io.BufferedReader) -> bytes:
    """All bytes of a file. Raises DataProblem for more than can be kept."""
    parts: list[bytes] = []
    size = 0
    while part := stream.read(CHUNK):
        size += len(part)
        if size > LARGEST_FILE:
            raise DataProblem(
                f"{path} holds more than {LARGEST_FILE >> 30} GiB when unpacked; split it into several files, or write "
                "JSON lines and take the first rows with --limit"
            )
        parts.append(part)
    return b"".join(parts)


def lines(stream: io.BufferedReader) -> Iterator[bytes | int]:
    """Line by line without the line's end; of a line that is too long, its length."""
    while line := stream.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE:
            yield line.rstrip(b"\n")
            continue
        length = len(line)
        while not line.endswith(b"\n") and (line := stream.readline(CHUNK)):
            length += len(line)
        yield length


def depth(line: bytes) -> int:
    """How deep the objects and lists of a line of JSON lie within one another."""
    if line.count(b"{") + line.count(b"[") <= DEEPEST_ROW:
        return 0
    deepest = now = 0
    for sign in _STRING.sub(b"", line):
        if sign in b"[{":
            now += 1
            deepest = max(deepest, now)
        elif sign in b"]}":
            now -= 1
    return deepest


def as_utf8(name: str, content: bytes) -> bytes:
    """Text without its byte order mark, in UTF-8. Raises DataProblem that names the place of what is neither."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            try:
                return content.decode(encoding).encode("utf-8")
            except UnicodeError as error:
                raise DataProblem(f"{name} begins as UTF-16 and is not: {error}") from None
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataProblem(not_utf8(name, line, error.start)) from None
    return content


def not_utf8(name: str, line: int, byte: int) -> str:
    return f"{name} is not UTF-8 (line {line}, byte {byte}); if it is Latin-1, write it anew: iconv -f latin1 -t utf-8"


def require_utf8_name(path: Path) -> None:
    """Raises DataProblem for a name that cannot be written down."""
    try:
        str(path).encode("utf-8")
        unknown = REPLACEMENT in str(path) and not path.exists()
    except UnicodeEncodeError:
        unknown = True
    if unknown:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise DataProblem(f"{shown}: the name is not UTF-8; rename it")
