"""Parquet and Arrow files, through pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.soundness import MOST_COLUMNS
from losslab_trainer.data.sources import Broken, RawRow

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
        rows += [_without_padding(row) for row in _values(part)]
        if limit is not None and len(rows) >= limit:
            break
    return rows


def _values(part: pa.RecordBatch) -> list[RawRow]:
    try:
        return list(part.to_pylist())
    except UnicodeDecodeError:
        return [_value(part.slice(number, 1)) for number in range(len(part))]


def _value(row: pa.RecordBatch) -> RawRow:
    """A row of which some cell may hold bytes that are no text."""
    for name in row.schema.names:
        try:
            row.column(name).to_pylist()
        except UnicodeDecodeError as error:
            return Broken(f"{name} is not UTF-8 at byte {error.start}")
    found: Mapping[str, Any] = row.to_pylist()[0]
    return found


def _without_padding(row: RawRow) -> RawRow:
    return row if isinstance(row, Broken) else {name: without_padding(value) for name, value in row.items()}


def without_padding(value: Any) -> Any:
    """A value without the keys that are null: a table has one schema, so an object has the keys of all other rows."""
    if isinstance(value, Mapping):
        return {name: without_padding(part) for name, part in value.items() if part is not None}
    return [without_padding(part) for part in value] if isinstance(value, list) else value
