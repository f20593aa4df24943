"""What JSON lines bear, the other forms of data bear too: one bad row, cell or shard never costs the set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest
from losslab_trainer.data import tables
from losslab_trainer.data.load import Preferences, load_preferences
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.spec import DataSpec

GOOD = [{"prompt": f"Which fish is number {n}?", "chosen": f"Carp {n}.", "rejected": "A pike."} for n in range(40)]
TALKS = [
    {
        "prompt": [{"role": "user", "content": row["prompt"]}],
        "chosen": [{"role": "assistant", "content": row["chosen"]}],
        "rejected": [{"role": "assistant", "content": row["rejected"]}],
    }
    for row in GOOD
]
DEEP = "[" * 100_000


def loaded(path: Path, limit: int | None = None) -> Preferences:
    return load_preferences(DataSpec(str(path), limit=limit))


def bad(found: Preferences) -> tuple[int, str]:
    """The one bad row, and what is said of it."""
    (finding,) = found.unusable
    assert len(found.rows) == found.total - 1 and len(finding.explanation) < 300
    json.dumps(finding.to_json(), ensure_ascii=False).encode("utf-8")
    return finding.row, finding.explanation


IN_ARRAYS = {
    "900 deep": ('{"a":' * 900 + "1" + "}" * 900, "nested more than 64 deep"),
    "100,000 deep": ('{"a": ' + DEEP + "]" * 100_000 + "}", "nested 100001 deep"),
    "half a surrogate pair": ('{"prompt": "\\ud800", "chosen": "a", "rejected": "b"}', "half a surrogate pair"),
    "a number of 5000 digits": ('{"prompt": "p", "chosen": ' + "9" * 5000 + ', "rejected": "b"}', "4300 digits"),
    "no object": ('[1, "],[", {"a": [2]}]', "not an object but a list"),
}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", IN_ARRAYS)
def test_a_bad_row_of_a_json_array_is_one_bad_row(tmp_path: Path, name: str, indent: int | None) -> None:
    row, words = IN_ARRAYS[name]
    rows = [json.dumps(one, indent=indent) for one in GOOD]
    path = tmp_path / "pairs.json"
    path.write_text("[\n" + ",\n".join([*rows[:20], row, *rows[20:]]) + "\n]\n")
    number, said = bad(loaded(path))
    assert number == 20 and words in said


CELLS: dict[str, dict[str, Any]] = {
    "tools": {"tools": DEEP},
    "tools that close": {"tools": DEEP + "]" * 100_000},
    "template arguments": {"chat_template_kwargs": '{"a": ' * 100_000},
}


@pytest.mark.parametrize("name", CELLS)
def test_a_deep_cell_of_text_is_one_bad_row(tmp_path: Path, name: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*TALKS[:20], TALKS[20] | CELLS[name], *TALKS[21:]]))
    assert bad(loaded(path))[0] == 20


def test_a_deep_history_of_text_is_one_bad_row(tmp_path: Path) -> None:
    rows = [{"instruction": row["prompt"], "chosen": row["chosen"], "rejected": "A pike."} for row in GOOD]
    rows[20] = rows[20] | {"history": DEEP}
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert bad(load_preferences(DataSpec(str(path), layout="alpaca")))[0] == 20


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_cell_of_a_table_that_is_not_utf8_is_one_bad_row(tmp_path: Path, kind: str) -> None:
    columns = {name: [row[name].encode() for row in GOOD] for name in GOOD[0]}
    columns["chosen"][20] = b"\xff\xfe no text"
    arrays = [pa.array(values, pa.binary()).view(pa.string()) for values in columns.values()]
    table = pa.Table.from_arrays(arrays, names=list(columns))
    path = tmp_path / f"pairs.{kind}"
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    number, said = bad(loaded(path))
    assert number == 20 and "chosen is not UTF-8" in said


def test_a_deep_table_is_bad_row_by_row(tmp_path: Path) -> None:
    value: Any = 1
    for _ in range(80):
        value = {"a": value}
    path = tmp_path / "pairs.parquet"
    table = pa.Table.from_pylist([GOOD[0] | {"more": value}, *(row | {"more": None} for row in GOOD[1:])])
    pyarrow.parquet.write_table(table, path)
    number, said = bad(loaded(path))
    assert number == 0 and "nested" in said


def test_a_limit_ends_the_reading_of_shards(tmp_path: Path) -> None:
    for number in range(3):
        rows = GOOD[number * 10 : number * 10 + 10]
        (tmp_path / f"train-{number:05d}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "train-00003.parquet").write_bytes(b"no parquet at all")
    assert [row.row for row in loaded(tmp_path, limit=25).rows] == list(range(25))


def test_a_limit_ends_the_reading_of_a_saved_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets.Dataset.from_list(GOOD * 100).save_to_disk(str(tmp_path / "saved"))
    made: list[int] = []
    plain = tables.without_padding

    def counted(value: object) -> object:
        made.append(1)
        return plain(value)

    monkeypatch.setattr("losslab_trainer.data.folders.without_padding", counted)
    assert len(loaded(tmp_path / "saved", limit=3).rows) == 3
    assert len(made) <= 9


def test_a_row_of_too_many_keys_is_one_bad_row_and_too_many_in_all_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [*GOOD[:20], GOOD[20] | {f"k{n}": n for n in range(100_000)}, *GOOD[21:]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    number, said = bad(loaded(path))
    assert number == 20 and "100003 columns, more than 2000" in said
    path.write_text("".join(json.dumps(row | {f"k{n}-{k}": k for k in range(90)}) + "\n" for n, row in enumerate(GOOD)))
    with pytest.raises(DataProblem, match="3603 columns in all, more than 2000"):
        loaded(path)


def test_an_array_is_read_element_by_element_only_where_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "pairs.json"
    for text in ("[" + json.dumps(GOOD[0]) + ", {", "[1, 2", "[" * 100_000, "[}", '["a]', "[[1], 2]]", "[1,, 2]"):
        path.write_text(text)
        with pytest.raises(DataProblem, match=r"is not JSON|nests too deeply"):
            loaded(path)
