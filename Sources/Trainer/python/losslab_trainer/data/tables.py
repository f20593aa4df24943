"""Parquet, Arrow and CSV files, through pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from losslab_trainer.data.opening import as_utf8
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.sources import Broken, RawRow

MOST_COLUMNS = 2_000
ROWS_AT_ONCE = 1_000


def read_parquet(content: bytes, limit: int | None = None) -> list[RawRow]:
    file = pyarrow.parquet.ParquetFile(pa.BufferReader(content))
    _require_columns(file.schema_arrow.names)
    at_once = min(limit or ROWS_AT_ONCE, ROWS_AT_ONCE)
    return _rows(file.iter_batches(batch_size=at_once, use_threads=False), limit)


def read_arrow(content: bytes, limit: int | None = None) -> list[RawRow]:
    """An Arrow file (Feather too), or a stream such as `datasets` keeps."""
    buffer = pa.BufferReader(content)
    if content[:6] != b"ARROW1":
        stream = pa.ipc.open_stream(buffer)
        _require_columns(stream.schema.names)
        return _rows(stream, limit)
    file = pa.ipc.open_file(buffer)
    _require_columns(file.schema.names)
    return _rows((file.get_batch(number) for number in range(file.num_record_batches)), limit)


def _require_columns(names: Sequence[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise DataProblem(f"{len(names)} columns, more than {MOST_COLUMNS}; keep those with prompt and answers")


def _rows(batches: Iterable[pa.RecordBatch], limit: int | None) -> list[RawRow]:
    rows: list[RawRow] = []
    for batch in batches:
        part = batch if limit is None else batch.slice(0, limit - len(rows))
        rows += [{name: without_padding(value) for name, value in row.items()} for row in part.to_pylist()]
        if limit is not None and len(rows) >= limit:
            break
    return rows


def without_padding(value: Any) -> Any:
    """A value without the keys that are null: a table has one schema, so an object has the keys of all other rows."""
    if isinstance(value, Mapping):
        return {name: without_padding(part) for name, part in value.items() if part is not None}
    return [without_padding(part) for part in value] if isinstance(value, list) else value


def read_csv(name: str, content: bytes, delimiter: str) -> list[RawRow]:
    """A table with a header line. All cells are text; a line with too many or too few cells is one bad row."""
    content = as_utf8(name, content)
    if not content.strip():
        return []
    columns = content[: content.find(b"\n") if b"\n" in content else None].count(delimiter.encode()) + 1
    if columns > MOST_COLUMNS:
        raise DataProblem(f"{name} has {columns} columns, more than {MOST_COLUMNS}; keep those with prompt and answers")
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
