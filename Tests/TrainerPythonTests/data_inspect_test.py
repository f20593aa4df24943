"""The inspect job: the real sets, figure by figure, and small files whose answers are counted by hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from data_files import SHARED, bpe_tokenizer, needs_shared_data
from losslab_trainer.data.flags import FLAGS
from losslab_trainer.data.rows import UNUSABLE
from losslab_trainer.inspect_job import inspect

# Rows, usable ones, and the share of the longer answers, of data/README.md; duplicates were left in there.
REAL = [
    ("alpaca_eval_gpt4_pairs/train.jsonl.gz", 3200, {"duplicate": 5}, 0.77),
    ("alpaca_eval_gpt4_pairs/test.jsonl.gz", 800, {"duplicate": 1}, 0.77),
    ("discopop_zephyr_vs_sft_gpt4_pairs/train.jsonl.gz", 1600, {"duplicate": 6}, 0.75),
    ("discopop_zephyr_vs_sft_gpt4_pairs/test.jsonl.gz", 400, {"duplicate": 2}, 0.75),
    ("tldr_gpt4_pairs/train.jsonl.gz", 3277, {"duplicate": 8}, 0.66),
    ("tldr_gpt4_pairs/test.jsonl.gz", 671, {}, 0.66),
    ("hh_rlhf_harmless_test/train.jsonl.gz", 1830, {}, 0.44),
    ("hh_rlhf_harmless_test/test.jsonl.gz", 469, {}, 0.44),
    (
        "hh_rlhf_harmless_test/harmless-base_test.native.jsonl.gz",
        2312,
        {"empty": 4, "malformed": 4, "prompt-mismatch": 5},
        0.44,
    ),
]


def run(path: Path | str, **job: Any) -> dict[str, Any]:
    result: dict[str, Any] = inspect({"kind": "inspect", "data": {"path": str(path)}} | job)
    json.dumps(result, allow_nan=False)
    if "problem" not in result:
        assert result["rows"] == result["usable"] + len(result["unusable"])
        assert {finding["reason"] for finding in result["unusable"]} <= set(UNUSABLE)
        assert {finding["reason"] for finding in result["flagged"]} <= set(FLAGS)
    return result


@needs_shared_data
@pytest.mark.parametrize(("name", "rows", "reasons", "longer"), REAL)
def test_the_real_sets_have_the_figures_of_their_readme(
    name: str, rows: int, reasons: dict[str, int], longer: float
) -> None:
    result = run(SHARED / name)
    assert result["rows"] == rows
    assert Counter(finding["reason"] for finding in result["unusable"]) == reasons
    # The README rounds over both splits; one split may be off by its standard error.
    assert result["longerWins"] == pytest.approx(longer, abs=0.006 + 1.5 * (0.25 / result["usable"]) ** 0.5)
    assert len(result["samples"]) == 3


@needs_shared_data
@pytest.mark.parametrize(
    ("folder", "longer"),
    [
        ("alpaca_eval_gpt4_pairs", 0.77),
        ("discopop_zephyr_vs_sft_gpt4_pairs", 0.75),
        ("tldr_gpt4_pairs", 0.66),
        ("hh_rlhf_harmless_test", 0.44),
    ],
)
def test_the_longer_answer_wins_as_often_as_the_readme_says_over_both_splits(folder: str, longer: float) -> None:
    parts = [run(SHARED / folder / f"{split}.jsonl.gz") for split in ("train", "test")]
    pairs = sum(part["usable"] for part in parts)
    assert sum(part["longerWins"] * part["usable"] for part in parts) / pairs == pytest.approx(longer, abs=0.0065)


@needs_shared_data
def test_the_malformed_rows_of_the_native_hh_file_are_found_by_number_and_the_others_are_the_converted_ones() -> None:
    folder = SHARED / "hh_rlhf_harmless_test"
    excluded = json.loads((folder / "excluded_rows.json").read_text())["excluded"]
    result = run(folder / "harmless-base_test.native.jsonl.gz", compare=[{"path": str(folder / "test.jsonl.gz")}])
    assert [finding["row"] for finding in result["unusable"]] == [row["row"] for row in excluded]
    # Converted by another hand: its test rows are all found by their prompts.
    assert result["compared"][0]["usable"] == 469
    rows = {row for prompt in result["sharedPrompts"] for row in prompt["inRows"]}
    assert rows == set(range(469))


@needs_shared_data
def test_the_splits_of_the_real_sets_share_no_prompt() -> None:
    for folder in ("alpaca_eval_gpt4_pairs", "tldr_gpt4_pairs"):
        test = {"path": str(SHARED / folder / "test.jsonl.gz")}
        result = run(SHARED / folder / "train.jsonl.gz", compare=[test])
        assert result["sharedPrompts"] == []
        assert [other["shared"] for other in result["compared"]] == [0]


def write(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def pair(prompt: str, chosen: str = "yes, so it is", rejected: str = "no") -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


def test_lengths_longer_wins_and_samples_are_those_of_the_usable_rows(tmp_path: Path) -> None:
    rows = [
        pair("ab"),
        pair("abcd", "no", "yes"),
        pair("x" * 30, ""),
        pair("ef", "same", "size"),
        pair("ghij", "long", "s"),
    ]
    result = run(write(tmp_path / "a.jsonl", rows), samples=2)
    assert (result["layout"], result["rows"], result["usable"]) == ("explicit-conversational", 5, 4)
    assert [(finding["row"], finding["reason"]) for finding in result["unusable"]] == [(2, "empty")]
    assert result["lengths"]["unit"] == "characters"
    assert result["lengths"]["prompt"] == {"mean": 3.0, "median": 3.0, "p95": 4, "max": 4, "total": 12}
    assert result["longerWins"] == pytest.approx(2 / 3)
    assert [sample["row"] for sample in result["samples"]] == [0, 4]
    assert result["samples"][0]["prompt"] == [{"role": "user", "content": "ab"}]
    assert result["tokens"] is None


def test_prompts_shared_with_another_set_or_split_are_named(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", [pair("one"), pair("two"), pair("three"), pair("two", "other")])
    test = write(tmp_path / "test.jsonl", [pair("four"), pair(" two ")])
    against = run(tmp_path / "train.jsonl", compare=[{"path": str(test)}])
    assert against["sharedPrompts"] == [{"prompt": "two", "rows": [1, 3], "in": str(test), "inRows": [1]}]
    assert [(f["row"], f["reason"]) for f in against["flagged"]] == [(1, "shared-prompt"), (3, "shared-prompt")]
    folder = inspect({"data": {"path": str(tmp_path), "split": "train"}})
    assert [(s["rows"], s["inRows"]) for s in folder["sharedPrompts"]] == [([1, 3], [1])]  # type: ignore[attr-defined]
    assert folder["usable"] == 4


def test_a_source_that_cannot_be_used_is_a_problem_in_one_sentence(tmp_path: Path) -> None:
    assert "no file or folder" in run(tmp_path / "none.jsonl")["problem"]
    unknown = write(tmp_path / "a.jsonl", [{"x": 1}])
    assert "the columns are x" in run(unknown)["problem"]
    good = write(tmp_path / "b.jsonl", [pair("one")])
    assert "holds no tokenizer" in run(good, tokenizer=str(tmp_path))["problem"]
    assert "no file or folder" in run(good, compare=[{"path": str(tmp_path / "none.jsonl")}])["problem"]


def test_a_source_without_a_usable_row_is_still_described(tmp_path: Path) -> None:
    result = run(write(tmp_path / "a.jsonl", [pair("one", "same", "same"), pair("", "a", "b")]))
    assert (result["usable"], result["longerWins"], result["samples"]) == (0, None, [])
    assert [finding["reason"] for finding in result["unusable"]] == ["identical", "empty"]


@pytest.mark.slow
def test_with_a_tokenizer_tokens_are_counted_and_what_is_too_long_is_told(tmp_path: Path) -> None:
    tokenizer = bpe_tokenizer(["yes, so it is; no, it is not"], size=300)
    tokenizer.save_pretrained(tmp_path / "model")
    long = "why is it so? " * 20
    rows = [pair("is it?"), pair(long), pair("is it not?", "yes " * 90), pair("<|im_end|> really?")]
    file = write(tmp_path / "a.jsonl", rows)
    result = run(file, tokenizer=str(tmp_path / "model"), maxLength=60)
    assert [(f["row"], f["reason"]) for f in result["unusable"]] == [(1, "too-long")]
    flagged = {(f["row"], f["reason"]) for f in result["flagged"]}
    assert flagged == {(2, "truncated"), (3, "special-token")}
    assert result["tokens"]["longer"]["max"] == 60
    assert (result["tokens"]["truncated"]["pairs"], result["tokens"]["dropped"]) == (1, 1)
    whole = run(file, tokenizer=str(tmp_path / "model"))
    assert whole["usable"] == 4
    refused = run(file, tokenizer=str(tmp_path / "model"), chatTemplate="{{ messages[0]['role'] }}")
    assert "the chat template is doubtful" in refused["problem"]


@pytest.mark.slow
def test_rows_are_shown_as_they_are_trained(tmp_path: Path) -> None:
    tokenizer = bpe_tokenizer(["yes, so it is; no, it is not"], size=300)
    tokenizer.save_pretrained(tmp_path / "model")
    rows = [pair(f"is it {i}?") for i in range(5)] + [pair("same", "no", "no")]
    file = write(tmp_path / "a.jsonl", rows)
    assert run(file, tokenizer=str(tmp_path / "model"))["asTrained"] == []
    result = run(file, tokenizer=str(tmp_path / "model"), show=3, maxLength=60)
    assert [row["row"] for row in result["asTrained"]] == [0, 2, 4]
    read, trained = result["asTrained"][0]["chosen"]
    assert (read["text"], read["trained"]) == ("<|im_start|>user\nis it 0?<|im_end|>\n<|im_start|>assistant\n", False)
    assert (trained["text"], trained["trained"]) == ("yes, so it is<|im_end|>\n", True)
    assert result["asTrained"][0]["rejected"][1]["text"] == "no<|im_end|>\n"
    for stretch in (read, trained):
        assert tokenizer.decode(stretch["ids"]) == stretch["text"]
        assert stretch["tokens"] == len(stretch["ids"])


@pytest.mark.slow
def test_fields_that_the_template_does_not_write_are_told_with_their_rows(tmp_path: Path) -> None:
    bpe_tokenizer(["yes, so it is; no, it is not"], size=300).save_pretrained(tmp_path / "model")
    rows = [pair(f"is it {i}?") for i in range(4)]
    rows[1]["prompt"][0]["id"] = "x1"
    for row in rows[2:]:
        row["chosen"][0] |= {"id": "y2", "weight": 0}
    result = run(write(tmp_path / "a.jsonl", rows), tokenizer=str(tmp_path / "model"))
    assert result["notes"] == [
        "not written by the chat template: the field id of messages (3 rows), the field weight of messages (2 rows)"
    ]
    assert {(f["row"], f["reason"]) for f in result["flagged"]} == {(i, "unused-field") for i in (1, 2, 3)}


@pytest.mark.slow
def test_what_is_shown_is_after_the_cut_and_with_the_end_that_is_trained(tmp_path: Path) -> None:
    bpe_tokenizer(["yes, so it is; no, it is not"], size=300, end=True).save_pretrained(tmp_path / "model")
    file = write(tmp_path / "a.jsonl", [{"prompt": "is it?", "chosen": " yes" * 30, "rejected": " no"}])
    (row,) = run(file, tokenizer=str(tmp_path / "model"), show=1, maxLength=20)["asTrained"]
    assert row["rejected"][1]["text"] == " no</s>"
    assert sum(stretch["tokens"] for stretch in row["chosen"]) == 20
    assert not row["chosen"][1]["text"].endswith("</s>")


def test_columns_and_system_messages_are_told(tmp_path: Path) -> None:
    rows = [pair(f"is it {i}?") | {"system": "be brief", "id": i, "none": None} for i in range(3)]
    result = run(write(tmp_path / "a.jsonl", rows))
    assert result["unusedColumns"] == [{"name": "id", "rows": 3}]
    assert result["notes"] == ["the column system opens dialogues as their system message in 3 rows"]
    assert result["samples"][0]["prompt"][0] == {"role": "system", "content": "be brief"}
