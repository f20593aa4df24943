"""Prompts to be answered: every part of a prompt is read, and what is not used is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from losslab_trainer.data import DataProblem, DataSpec, Message
from losslab_trainer.data.prompts import Prompts, load_prompts


def load(folder: Path, rows: list[dict[str, Any]], column: str | None = None) -> Prompts:
    file = folder / "prompts.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_prompts(DataSpec(str(file)), column)


def test_a_text_file_has_a_prompt_a_line(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("one\n\ntwo\n", "utf-8")
    assert load_prompts(DataSpec(str(tmp_path / "prompts.txt")), None).texts == ("one", "two")


def test_a_text_file_is_read_up_to_the_limit_and_no_further(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_bytes(b"\xef\xbb\xbfone\r\n\ntwo\n" + b"no UTF-8 \xff\n")
    assert load_prompts(DataSpec(str(tmp_path / "prompts.txt"), limit=2), None).texts == ("one", "two")
    with pytest.raises(DataProblem, match=r"is not UTF-8 \(line 4"):
        load_prompts(DataSpec(str(tmp_path / "prompts.txt")), None)


def test_an_instruction_keeps_its_input_and_a_prompt_its_system_message(tmp_path: Path) -> None:
    rows = [{"instruction": "Shorten.", "input": "A long text.", "output": "x"}, {"instruction": "Sing.", "input": ""}]
    found = load(tmp_path, rows)
    assert found.texts == ("Shorten.\n\nA long text.", "Sing.")
    assert found.notes == (
        "the column input is part of the prompt in 1 rows",
        "columns that are not used: output (filled in 1 rows)",
    )
    found = load(tmp_path, [{"prompt": "Sing.", "system": "Be brief."}, {"prompt": "Hum.", "system": None}])
    assert found.texts == ((Message("system", "Be brief."), Message("user", "Sing.")), "Hum.")
    assert load(tmp_path, [{"prompt": "Sing.", "system": 3}]).dropped == {"malformed": 1}


def test_a_column_that_is_named_is_taken_alone_and_the_others_are_told(tmp_path: Path) -> None:
    found = load(tmp_path, [{"instruction": "Shorten.", "input": "A long text."}], "instruction")
    assert found.texts == ("Shorten.",)
    assert found.notes == ("columns that are not used: input (filled in 1 rows)",)


def test_later_turns_that_are_not_answered_are_told(tmp_path: Path) -> None:
    found = load(tmp_path, [{"turns": ["Sing.", "Louder."]}, {"turns": ["Hum."]}])
    assert found.texts == ("Sing.", "Hum.")
    assert found.notes == ("only the first turn of turns is answered in 1 rows that have more",)


def test_messages_that_were_printed_and_cut_are_no_prompt(tmp_path: Path) -> None:
    found = load(tmp_path, [{"prompt": "[{'role': 'user', 'content': 'Si"}, {"prompt": "Sing."}])
    assert (found.texts, found.dropped) == (("Sing.",), {"malformed": 1})
