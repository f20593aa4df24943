"""One bad row never costs the set, and nothing is read before it is known to be within bounds."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from losslab_trainer.data import opening, tables
from losslab_trainer.data.load import Preferences, load_preferences
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.spec import DataSpec

GOOD = [{"prompt": f"Which fish is number {n}?", "chosen": f"Carp {n}.", "rejected": "A pike."} for n in range(40)]
LINES = "".join(json.dumps(row) + "\n" for row in GOOD).encode()


def loaded(path: Path, limit: int | None = None) -> Preferences:
    return load_preferences(DataSpec(str(path), limit=limit))


def row(value: str) -> bytes:
    return f'{{"prompt": "p", "chosen": {value}, "rejected": "r"}}\n'.encode()


BAD_ROWS = {
    "half a surrogate pair": (row('"\\ud800"'), "malformed", "half a surrogate pair (\\ud800)"),
    "the same in a key": (row('{"\\udfff": 1}'), "malformed", "half a surrogate pair (\\udfff)"),
    "a number of 400 digits": (row("9" * 400), None, ""),
    "a number of 5000 digits": (row("9" * 5000), "malformed", "4300 digits"),
    "100,000 deep": (row("[" * 100_000 + "]" * 100_000), "malformed", "nested 100001 deep, more than 64"),
    "900 deep": (row('{"a":' * 900 + "1" + "}" * 900), "malformed", "nested 901 deep"),
    "deep and open": (row("[" * 100_000), "malformed", "nested 100001 deep"),
    "infinity": (row("1e999"), None, ""),
    "not UTF-8": (b'{"prompt": "\xff", "chosen": "a", "rejected": "b"}\n', "malformed", "not UTF-8 at byte 12"),
    "no JSON": (b'{"prompt": \n', "malformed", "not JSON"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_one_bad_row(tmp_path: Path, name: str) -> None:
    text, reason, explanation = BAD_ROWS[name]
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(LINES + text + LINES.replace(b"fish", b"bird"))
    found = loaded(path)
    assert len(found.rows) == 80 and [finding.row for finding in found.unusable] == [40]
    assert reason in (None, found.unusable[0].reason) and explanation in found.unusable[0].explanation
    assert len(found.unusable[0].explanation) < 200


def test_brackets_within_text_are_not_deep(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(LINES + row(json.dumps("[" * 500 + '\\"{' * 500)))
    assert len(loaded(path).rows) == 41


def test_a_line_that_is_too_long_is_one_bad_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LONGEST_LINE", 1000)
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(LINES + row(json.dumps("x" * 5_000_000)) + LINES.replace(b"fish", b"bird"))
    found = loaded(path)
    assert len(found.rows) == 80 and "a line of 50000" in found.unusable[0].explanation


def test_what_unpacks_to_too_much_is_refused_before_memory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LARGEST_FILE", 1 << 20)
    path = tmp_path / "pairs.json.gz"
    path.write_bytes(gzip.compress(b"[" + b" " * (64 << 20) + b"]"))
    with pytest.raises(DataProblem, match="more than 0 GiB when unpacked; split it"):
        loaded(path)


def test_a_limit_ends_the_reading(tmp_path: Path) -> None:
    packed = tmp_path / "pairs.jsonl.gz"
    whole = gzip.compress(LINES * 200)
    packed.write_bytes(whole[: len(whole) // 2])  # what lies behind the first rows is not even whole
    assert len(loaded(packed, limit=3).rows) == 3
    with pytest.raises(DataProblem, match="cannot be read"):
        loaded(packed)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_limit_ends_the_reading_of_tables(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.Table.from_pylist(GOOD * 500)
    path = tmp_path / f"pairs.{kind}"
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=100)
    made: list[int] = []
    plain = tables.without_padding

    def counted(value: object) -> object:
        made.append(1)
        return plain(value)

    monkeypatch.setattr(tables, "without_padding", counted)
    assert len(loaded(path, limit=3).rows) == 3
    assert len(made) <= 9


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pairs.jsonl")
    with pytest.raises(DataProblem, match="no regular file but a pipe"):
        loaded(tmp_path / "pairs.jsonl")


def test_a_table_of_too_many_columns_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    names = ["prompt", "chosen", "rejected", *(f"c{n}" for n in range(200_000))]
    path.write_text(",".join(names) + "\n" + "a," * (len(names) - 1) + "b\n")
    with pytest.raises(DataProblem, match="200003 columns, more than 2000"):
        loaded(path)


TABLE = "prompt,chosen,rejected\nWelcher Käse?,Brie,Gouda\nWelches Öl?,Mohn,Raps\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_in_other_encodings_are_read(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "pairs.csv"
    mark = "" if encoding in ("utf-8", "utf-8-sig", "utf-16") else "\ufeff"
    path.write_bytes((mark + TABLE.replace("\n", end)).encode(encoding))
    assert [found.prompt for found in loaded(path).rows] == ["Welcher Käse?", "Welches Öl?"]


def test_another_encoding_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(TABLE.encode("latin-1"))
    with pytest.raises(DataProblem, match=r"is not UTF-8 \(line 2, byte \d+\); if it is Latin-1"):
        loaded(path)
