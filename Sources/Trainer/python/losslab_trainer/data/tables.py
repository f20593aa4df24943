"""Parquet, Arrow and CSV files, through pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.sources import Broken, RawRow


def read_parquet(content: bytes) -> list[RawRow]:
    return _rows(pyarrow.parquet.read_table(pa.BufferReader(content), use_threads=False))


def read_arrow(content: bytes) -> list[RawRow]:
    """An Arrow file (Feather too), or a stream such as `datasets` keeps."""
    buffer = pa.BufferReader(content)
    reader = pa.ipc.open_file(buffer) if content[:6] == b"ARROW1" else pa.ipc.open_stream(buffer)
    return _rows(reader.read_all())


def _rows(table: pa.Table) -> list[RawRow]:
    return [{name: without_padding(value) for name, value in row.items()} for row in table.to_pylist()]


def without_padding(value: Any) -> Any:
    """A value without the keys that are null: a table has one schema, so an object has the keys of all other rows."""
    if isinstance(value, Mapping):
        return {name: without_padding(part) for name, part in value.items() if part is not None}
    return [without_padding(part) for part in value] if isinstance(value, list) else value


def read_csv(name: str, content: bytes, delimiter: str) -> list[RawRow]:
    """A table with a header line. All cells are text; a line with too many or too few cells is one bad row."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        return []
    refused: list[tuple[int, str]] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> str:
        # Numbers start at 1 for the header.
        number = row.number if row.number is not None else 0
        refused.append((number - 2, f"{row.actual_columns} cells where the header has {row.expected_columns}"))
        return "skip"

    parsing = pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse)
    reading = pyarrow.csv.ReadOptions(use_threads=False, block_size=max(1, len(content)))
    try:
        names = pyarrow.csv.open_csv(pa.BufferReader(content), reading, parsing).schema.names
        refused.clear()
        repeated = sorted({column for column in names if names.count(column) > 1})
        if repeated:
            raise DataProblem(f"{name} has several columns called {repeated[0]!r}; rename all but one")
        conversion = pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        )
        table = pyarrow.csv.read_csv(pa.BufferReader(content), reading, parsing, conversion)
    except pa.ArrowException as error:
        raise DataProblem(f"{name} cannot be read as a table: {str(error).splitlines()[0]}") from None
    return _with_refused(table.to_pylist(), dict(refused))


def _with_refused(rows: list[Mapping[str, object]], refused: Mapping[int, str]) -> list[RawRow]:
    """Bad rows in their places among the good ones."""
    merged: list[RawRow] = []
    good = iter(rows)
    for number in range(len(rows) + len(refused)):
        merged.append(Broken(refused[number]) if number in refused else next(good))
    return merged
