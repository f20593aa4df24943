"""Files, folders and Hub sets: every kind gives the same rows, and what cannot be read is told with the next step."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from losslab_trainer.data import DataProblem, DataSpec, PreferenceRow, load_preferences

ROWS: list[dict[str, Any]] = [
    {
        "prompt": [{"role": "user", "content": f'Which "fish",\nnumber {i}?'}],
        "chosen": [{"role": "assistant", "content": "A carp — yes."}],
        "rejected": [{"role": "assistant", "content": "A pike, no."}],
    }
    for i in range(5)
]
PLAIN = [
    {"prompt": f'Which "fish",\nnumber {i}?', "chosen": "A carp — yes.", "rejected": "A pike, no."} for i in range(5)
]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()


def rows_of(path: Path, **spec: Any) -> tuple[PreferenceRow, ...]:
    found = load_preferences(DataSpec(str(path), **spec))
    assert not found.unusable
    return found.rows


@pytest.fixture
def expected(tmp_path: Path) -> tuple[PreferenceRow, ...]:
    (tmp_path / "expected.jsonl").write_bytes(LINES)
    rows = rows_of(tmp_path / "expected.jsonl")
    assert [row.row for row in rows] == [0, 1, 2, 3, 4]
    return rows


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), sink)
    return bytes(sink.getvalue())


def feather(rows: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pyarrow.feather.write_feather(pa.Table.from_pylist(rows), sink)
    return bytes(sink.getvalue())


FILES = {
    "a.jsonl": LINES,
    "a.ndjson": LINES.replace(b"\n", b"\r\n\r\n"),
    "a.jsonl.gz": gzip.compress(LINES),
    "a.jsonl.bz2": bz2.compress(LINES),
    "zipped.jsonl": gzip.compress(LINES),
    "marked.jsonl": b"\xef\xbb\xbf" + LINES,
    "lines.json": LINES,
    "a.json": json.dumps(ROWS).encode(),
    "indented.json": json.dumps(ROWS, indent=2).encode(),
    "a.json.gz": gzip.compress(json.dumps(ROWS).encode()),
    "columns.json": json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]}).encode(),
    "within.json": json.dumps({"version": 1, "data": ROWS}).encode(),
    "a.parquet": parquet(ROWS),
    "a.feather": feather(ROWS),
    "nameless": LINES,
    "nameless-parquet": parquet(ROWS),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_gives_the_same_rows(name: str, tmp_path: Path, expected: tuple[PreferenceRow, ...]) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    assert rows_of(tmp_path / name) == expected


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t"), ("a.csv.gz", ",")])
def test_tables_of_text_give_plain_rows_and_messages(
    name: str, delimiter: str, tmp_path: Path, expected: tuple[PreferenceRow, ...]
) -> None:
    for rows in (PLAIN, [{key: json.dumps(value) for key, value in row.items()} for row in ROWS]):
        file = tmp_path / "plain.csv"
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
        content = file.read_bytes()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        found = rows_of(tmp_path / name)
        if rows is PLAIN:
            assert [(row.prompt, row.chosen, row.rejected) for row in found] == [tuple(row.values()) for row in PLAIN]
        else:
            assert found == expected


def test_cells_that_look_like_other_things_stay_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,chosen,rejected\n1,2020-01-01,true\nNA,null,3.0\n")
    (tmp_path / "a.jsonl").write_text('{"prompt":"When?","chosen":"2020-01-01","rejected":"2021-01-01 10:00:00"}\n')
    csv_rows = rows_of(tmp_path / "a.csv")
    assert [(r.prompt, r.chosen, r.rejected) for r in csv_rows] == [("1", "2020-01-01", "true"), ("NA", "null", "3.0")]
    assert rows_of(tmp_path / "a.jsonl")[0].rejected == "2021-01-01 10:00:00"


def test_a_bad_row_of_a_table_is_one_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,chosen,rejected\na,b,c\nd,e\nf,g,h\ni,j,k,l\nm,n,o\n")
    found = load_preferences(DataSpec(str(tmp_path / "a.csv")))
    assert [row.row for row in found.rows] == [0, 2, 4]
    assert [(f.row, f.reason, f.explanation) for f in found.unusable] == [
        (1, "malformed", "2 cells where the header has 3"),
        (3, "malformed", "4 cells where the header has 3"),
    ]


def test_bad_lines_are_single_bad_rows_whatever_else_the_file_holds(tmp_path: Path) -> None:
    lines = LINES.split(b"\n")
    lines[2] = lines[2][:30]
    lines[3] = lines[3].replace("—".encode(), b"\xe2\x80")
    lines.insert(1, b"")
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    found = load_preferences(DataSpec(str(tmp_path / "a.jsonl")))
    assert [row.row for row in found.rows] == [0, 1, 4]
    assert [(f.row, f.reason) for f in found.unusable] == [(2, "malformed"), (3, "malformed")]
    assert "not JSON" in found.unusable[0].explanation
    assert "not UTF-8 at byte" in found.unusable[1].explanation


def test_fields_of_varying_type_do_not_hide_rows(tmp_path: Path) -> None:
    rows = [dict(row, extra=[1, "x", {"y": 2}][i % 3]) for i, row in enumerate(ROWS)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(rows_of(tmp_path / "a.jsonl")) == 5


def test_a_row_of_several_megabytes_is_read(tmp_path: Path) -> None:
    long = dict(PLAIN[0], prompt="word " * 1_000_000)
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [PLAIN[1], long, PLAIN[2]]))
    assert [len(row.prompt) for row in rows_of(tmp_path / "a.jsonl")][1] == 5_000_000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", b"", "holds no rows"),
        ("a.csv", b"", "holds no rows"),
        ("a.csv", b"prompt,chosen,chosen\na,b,c\n", "several columns called 'chosen'"),
        ("a.json", b'[{"prompt": "a",', "is not JSON"),
        ("a.json", b'"text"', "holds text; a JSON file of pairs is an array"),
        ("a.json", b'{"train": [{"a": 1}], "test": [{"a": 2}, {"a": 3}]}', "several lists of rows: train, test"),
        ("a.parquet", b"PAR1 but no more", "cannot be read"),
        ("a.jsonl.gz", b"not compressed", "cannot be read"),
        ("a.jsonl.gz", gzip.compress(LINES)[:60], "cannot be read"),
        ("a.png", b"\x89PNG\r\n", "is of no kind that is read: .jsonl"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_name(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataProblem, match=words) as problem:
        load_preferences(DataSpec(str(tmp_path / name)))
    assert name in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_missing_file_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match=r"there is no file or folder .*pairs\.jsonl"):
        load_preferences(DataSpec(str(tmp_path / "pairs.jsonl")))
    with pytest.raises(DataProblem, match="there is no file or folder"):
        load_preferences(DataSpec("pairs.jsonl.gz"))


def test_a_folder_of_files_has_splits_and_shards(tmp_path: Path, expected: tuple[PreferenceRow, ...]) -> None:
    folder = tmp_path / "set"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("about")
    (folder / "data" / "train-00000-of-00002.parquet").write_bytes(parquet(ROWS[:3]))
    (folder / "data" / "train-00001-of-00002.parquet").write_bytes(parquet(ROWS[3:]))
    assert rows_of(folder) == expected
    (folder / "data" / "test-00000-of-00001.parquet").write_bytes(parquet(ROWS[:1]))
    assert rows_of(folder, split="train") == expected
    assert load_preferences(DataSpec(str(folder), split="train")).other_splits == ("test",)
    with pytest.raises(DataProblem, match="several splits; choose one with --split: test, train"):
        rows_of(folder)
    with pytest.raises(DataProblem, match="no split dev; choose one with --split: test, train"):
        rows_of(folder, split="dev")
    with pytest.raises(DataProblem, match="is for data sets of the Hub"):
        rows_of(folder, config="default")
    with pytest.raises(DataProblem, match="one file and has no splits"):
        rows_of(folder / "data" / "test-00000-of-00001.parquet", split="train")


def test_shards_are_read_in_the_order_of_their_numbers(tmp_path: Path, expected: tuple[PreferenceRow, ...]) -> None:
    for number, row in zip(["08", "09", "10", "11", "100"], ROWS, strict=True):
        (tmp_path / f"part-{number}.jsonl").write_text(json.dumps(row))
    (tmp_path / "expected.jsonl").unlink()
    assert rows_of(tmp_path) == expected


def test_an_empty_folder_is_told_what_it_could_hold(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match="holds no data files"):
        rows_of(tmp_path)


def test_saved_data_sets_are_read_with_their_splits(tmp_path: Path, expected: tuple[PreferenceRow, ...]) -> None:
    import datasets  # noqa: PLC0415

    datasets.disable_progress_bars()
    one = datasets.Dataset.from_list(ROWS)
    one.save_to_disk(tmp_path / "one")
    one.select([4, 3, 2, 1, 0]).select([4, 3, 2, 1, 0]).save_to_disk(tmp_path / "turned")
    datasets.DatasetDict(train=one, test=one.select([1])).save_to_disk(tmp_path / "many")
    assert rows_of(tmp_path / "one") == expected
    assert rows_of(tmp_path / "turned") == expected
    assert rows_of(tmp_path / "many", split="train") == expected
    assert load_preferences(DataSpec(str(tmp_path / "many"), split="test")).other_splits == ("train",)
    with pytest.raises(DataProblem, match="choose one with --split: train, test"):
        rows_of(tmp_path / "many")
    with pytest.raises(DataProblem, match="without splits; leave out --split"):
        rows_of(tmp_path / "one", split="train")
    (tmp_path / "one" / "dataset_info.json").write_text("{")
    with pytest.raises(DataProblem, match="looks saved by `datasets`, which cannot load it"):
        rows_of(tmp_path / "one")


def test_without_a_network_a_hub_set_is_one_clear_error() -> None:
    code = (
        "from losslab_trainer.data import *\n"
        "try: load_preferences(DataSpec('somebody/some-pairs', split='train'))\n"
        "except DataProblem as problem: print(problem)"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "somebody/some-pairs is no file or folder here" in done.stdout
    assert "HF_HUB_OFFLINE is set" in done.stdout
    assert "`save_to_disk` it" in done.stdout


class Hub:
    """A Hub with one set, in the place of the functions of `datasets` that ask the real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import datasets  # noqa: PLC0415

        self.asked: list[tuple[object, ...]] = []
        self.data = datasets.Dataset.from_list(ROWS)
        monkeypatch.setattr(datasets, "get_dataset_config_names", lambda path, revision=None: ["small", "large"])
        monkeypatch.setattr(datasets, "get_dataset_split_names", lambda path, config, revision=None: ["train", "test"])
        monkeypatch.setattr(datasets, "load_dataset", self.load)

    def load(self, path: str, config: str, split: str, revision: str | None) -> Any:
        self.asked.append((path, config, split, revision))
        return self.data.select(range(2)) if split == "train[:2]" else self.data


def test_a_hub_set_is_asked_for_with_configuration_split_and_revision(
    monkeypatch: pytest.MonkeyPatch, expected: tuple[PreferenceRow, ...]
) -> None:
    hub = Hub(monkeypatch)
    spec = DataSpec("somebody/some-pairs", config="small", split="train", revision="v2")
    assert load_preferences(spec).rows == expected
    assert hub.asked == [("somebody/some-pairs", "small", "train", "v2")]
    sliced = load_preferences(DataSpec("somebody/some-pairs", config="small", split="train[:2]"))
    assert (sliced.total, sliced.other_splits) == (2, ("test",))
    with pytest.raises(DataProblem, match="several configurations; choose one with --config: small, large"):
        load_preferences(DataSpec("somebody/some-pairs", split="train"))
    with pytest.raises(DataProblem, match="choose one with --split: train, test"):
        load_preferences(DataSpec("somebody/some-pairs", config="small"))


def tooled(name: str, parameter: str) -> dict[str, Any]:
    """A row whose tool has a parameter of its own, and whose answer calls it."""
    function = {"name": name, "parameters": {"properties": {parameter: {"type": "string"}}}}
    call = {"type": "function", "function": {"name": name, "arguments": {parameter: "x"}}}
    return {
        "prompt": [{"role": "user", "content": f"Ask {name}"}],
        "chosen": [{"role": "assistant", "content": "", "tool_calls": [call]}],
        "rejected": [{"role": "assistant", "content": "No."}],
        "tools": [{"type": "function", "function": function}],
    }


@pytest.mark.parametrize("form", ["jsonl", "json", "padded.jsonl", "parquet", "feather", "saved"])
def test_a_row_has_its_own_tool_parameters_and_not_those_of_other_rows(form: str, tmp_path: Path) -> None:
    rows = [tooled("weather", "city"), tooled("clock", "zone")]
    file = tmp_path / f"a.{form}"
    if form == "saved":
        import datasets  # noqa: PLC0415

        datasets.disable_progress_bars()
        datasets.Dataset.from_list(rows).save_to_disk(str(file))
    elif form == "padded.jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in pa.Table.from_pylist(rows).to_pylist()))
    elif form in {"parquet", "feather"}:
        file.write_bytes(parquet(rows) if form == "parquet" else feather(rows))
    else:
        file.write_text(json.dumps(rows) if form == "json" else "".join(json.dumps(row) + "\n" for row in rows))
    found = rows_of(file)
    assert [row.template_arguments["tools"] for row in found] == [row["tools"] for row in rows]
    if form != "padded.jsonl":  # a null argument may have been meant there
        assert [json.loads(row.chosen[0].fields)["tool_calls"] for row in found] == [  # type: ignore[union-attr]
            row["chosen"][0]["tool_calls"] for row in rows
        ]


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_rows_that_spell_messages_in_two_ways_are_read_alike_in_every_form(form: str, tmp_path: Path) -> None:
    shared = {
        key: [{"from": "human" if key == "prompt" else "gpt", "value": turn["content"] + " Again."} for turn in turns]
        for key, turns in ROWS[0].items()
    }
    rows = [ROWS[0], shared]
    file = tmp_path / f"a.{form}"
    file.write_text(json.dumps(rows) if form == "json" else "".join(json.dumps(row) + "\n" for row in rows))
    first, second = rows_of(file)
    assert [turn.role for turn in second.prompt] == [turn.role for turn in first.prompt]  # type: ignore[union-attr]


def test_messages_that_pandas_printed_into_a_table_are_read_back(tmp_path: Path) -> None:
    import pandas  # noqa: PLC0415

    earlier = [{"role": "user", "content": 'It\'s } { "odd"'}, {"role": "assistant", "content": "array([1])\n'so'"}]
    rows = [row | {"prompt": [*earlier, *row["prompt"]]} for row in ROWS]
    rows[1] |= {"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, *ROWS[1]["prompt"]]}
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.parquet").write_bytes(parquet(rows))
    pandas.read_parquet(tmp_path / "a.parquet").to_csv(tmp_path / "a.csv", index=False)
    assert "}\n {" in (tmp_path / "a.csv").read_text()  # printed, with no comma between
    assert rows_of(tmp_path / "a.csv") == rows_of(tmp_path / "a.jsonl")


def test_messages_that_were_printed_and_cut_are_never_trained_as_text(tmp_path: Path) -> None:
    broken = str(ROWS[0]["prompt"])[:-20]
    with (tmp_path / "a.csv").open("w") as file:
        table = csv.writer(file)
        table.writerows([["prompt", "chosen", "rejected"], *[[broken, f"yes {i}", "no"] for i in range(3)]])
    with pytest.raises(DataProblem, match="column prompt holds messages as numpy or pandas printed them"):
        rows_of(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open("a") as file:
        csv.writer(file).writerows([f"which? {i}", f"yes {i}", "no"] for i in range(40))
    found = load_preferences(DataSpec(str(tmp_path / "a.csv")))
    assert [(finding.row, finding.reason) for finding in found.unusable] == [(i, "malformed") for i in range(3)]
