"""Opens whatever a DataSpec names: a file, a folder, or a data set of the Hub."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from losslab_trainer.data.csv_files import read_csv
from losslab_trainer.data.folders import ENDINGS, ending, is_saved, open_folder, open_saved
from losslab_trainer.data.hub import HUB_ID, open_hub
from losslab_trainer.data.json_files import columns_of, read_json, read_json_lines
from losslab_trainer.data.opening import COMPRESSIONS, lines, opened, require_utf8_name, whole
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.soundness import MOST_COLUMNS, sound
from losslab_trainer.data.sources import RawRow, Source
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.data.tables import read_arrow, read_parquet

WHOLE: Mapping[str, Callable[[str, bytes, int | None], list[RawRow]]] = {
    ".json": read_json,
    ".parquet": lambda _, content, limit: read_parquet(content, limit),
    ".arrow": lambda _, content, limit: read_arrow(content, limit),
    ".feather": lambda _, content, limit: read_arrow(content, limit),
}
DELIMITERS: Mapping[str, str] = {".csv": ",", ".tsv": "\t"}


def open_source(spec: DataSpec) -> Source:
    """All rows, or the first ``limit``. Raises DataProblem."""
    source = _opened(spec)
    if not source.rows:
        raise DataProblem(f"{source.name} holds no rows")
    if len(source.columns) > MOST_COLUMNS:
        raise DataProblem(
            f"{source.name} has {len(source.columns)} columns in all, more than {MOST_COLUMNS}; keep those with prompt "
            "and answers"
        )
    if spec.limit is not None:
        source = replace(source, rows=source.rows[: spec.limit])
    return source


def _opened(spec: DataSpec) -> Source:
    path = Path(spec.path).expanduser()
    require_utf8_name(path)
    if path.exists():
        for option, value in (("--config", spec.config), ("--revision", spec.revision)):
            if value is not None:
                raise DataProblem(f"{path} lies here; {option} {value} is for data sets of the Hub")
    if path.is_dir():
        return (
            open_saved(path, spec.split, spec.limit)
            if is_saved(path)
            else open_folder(path, spec.split, spec.limit, read_file)
        )
    if path.exists():
        if spec.split is not None:
            raise DataProblem(f"{path} is one file and has no splits; leave out --split {spec.split}")
        rows = read_file(path, spec.limit)
        return Source(str(path), columns_of(rows), rows)
    if ending(path) or not HUB_ID.fullmatch(spec.path):
        raise DataProblem(f"there is no file or folder {path}; check the path")
    return open_hub(spec)


def read_file(path: Path, limit: int | None = None) -> list[RawRow]:
    """Rows of one file, by its ending, or by its first bytes where the ending says nothing. All can be worked with.

    JSON lines and tables are read up to ``limit`` rows; JSON arrays as a whole.
    """
    return sound(_read(path, limit))


def _read(path: Path, limit: int | None) -> list[RawRow]:
    try:
        with opened(path) as stream:
            kind = ending(path) or _kind(stream.peek(4096))
            if kind in (".jsonl", ".ndjson"):
                return read_json_lines(lines(stream), limit)
            if kind in DELIMITERS:
                return read_csv(str(path), stream, DELIMITERS[kind], limit)
            if not kind:
                raise DataProblem(
                    f"{path} is of no kind that is read: {', '.join(ENDINGS)}, also with {', '.join(COMPRESSIONS)}"
                )
            return WHOLE[kind](str(path), whole(path, stream), limit)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise DataProblem(f"{path} cannot be read: {(str(error) or type(error).__name__).splitlines()[0]}") from None


def _kind(content: bytes) -> str:
    magic = {b"PAR1": ".parquet", b"ARRO": ".arrow"}.get(content[:4], "")
    return magic or {b"{": ".jsonl", b"[": ".json"}.get(content.lstrip()[:1], "")
