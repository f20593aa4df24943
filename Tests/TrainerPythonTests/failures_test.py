"""What a user reads of a failure: one line with its place, whatever was raised; the trace is apart."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from losslab_trainer.answers import read_questions
from losslab_trainer.data.load import load_preferences
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.failures import LONGEST_SENTENCE, LONGEST_TRACE, at, sentence, trace
from losslab_trainer.pairs import read_pairs
from losslab_trainer.zygote_client import SandboxError

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PACKAGE = REPOSITORY / "Sources/Trainer/python"
BUILDER = REPOSITORY / "evaluation/microbench/builder"
INNER = """the pool failed

Traceback (most recent call last):
  File "somewhere", line 1
ValueError: deep inside"""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DataProblem("pairs.jsonl has no column prompt"), "pairs.jsonl has no column prompt"),
        (SandboxError("the loss zygote ended"), "the loss zygote ended"),
        (OSError(28, "No space left on device", "answers.jsonl"), "answers.jsonl: No space left on device"),
        (OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device"),
        (KeyError("turns"), "KeyError: 'turns'"),
        (RuntimeError("one\n  two\n\nhelp for programmers"), "RuntimeError: one two"),
        (RuntimeError(INNER), "RuntimeError: the pool failed"),
        (
            RuntimeError('Caught in replica 0.\nOriginal Traceback (most recent call last):\n File "x"'),
            "RuntimeError: ",
        ),
        (AssertionError(), "AssertionError"),
        (MemoryError(), "there is not enough memory"),
        (RecursionError("maximum recursion depth exceeded"), "something is nested too deep"),
        (ImportError("libcudart.so.12: cannot open"), "a Python package cannot be used (libcudart.so.12: cannot open)"),
    ],
)
def test_every_failure_is_one_line_without_a_trace(error: Exception, told: str) -> None:
    said = sentence(error)
    assert said.startswith(told)
    assert "\n" not in said and "Traceback" not in said and "File " not in said


def test_rows_and_files_are_named_from_the_outermost_inwards_and_foreign_notes_are_not_told() -> None:
    def fail() -> None:
        with at("pairs.jsonl"), at("row 17"):
            error = ValueError("not a number")
            error.add_note("a library's help")
            raise error

    with pytest.raises(ValueError, match="not a number") as caught:
        fail()
    assert sentence(caught.value) == "pairs.jsonl, row 17: ValueError: not a number"
    assert "raise error" in trace(caught.value)


def test_a_program_started_by_hand_tells_one_sentence_and_names_its_log(tmp_path: Path) -> None:
    program = ["builder", "verify", "base", "--quick"]
    # A world's folder that is not there: the builder finds its worlds beside itself.
    shutil.copytree(BUILDER, tmp_path / "builder")
    environment = {"HOME": str(tmp_path), "PYTHONPATH": f"{tmp_path}:{PACKAGE}", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", *program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    said, _, log = ended.stderr.strip().partition("; the trace is in ")
    assert "\n" not in ended.stderr.strip() and said.endswith("is no world: world.json is missing"), ended.stderr
    assert "Traceback (most recent call last)" in Path(log).read_text("utf-8")


def test_long_messages_and_traces_are_cut() -> None:
    error = RuntimeError("x" * 100_000)
    assert len(sentence(error)) < LONGEST_SENTENCE + 10
    assert len(trace(error)) < LONGEST_TRACE + 100


def test_the_line_of_a_bad_question_and_of_a_bad_pair_is_named(tmp_path: Path) -> None:
    good = {"question_id": 1, "turns": ["Why?"]}
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps(good) + "\n\n" + json.dumps({"question_id": 2}) + "\n", "utf-8")
    with pytest.raises(ValueError, match=r"questions\.jsonl, line 3: `turns` is missing"):
        read_questions([questions])
    questions.write_text("{", "utf-8")
    with pytest.raises(ValueError, match=r"questions\.jsonl, line 1: "):
        read_questions([questions])
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"prompt": []}\n{"prompt": [\n', "utf-8")
    with pytest.raises(ValueError) as caught:
        read_pairs(pairs)
    assert sentence(caught.value).startswith(f"{pairs}, line 2: ")


def test_a_row_that_breaks_the_reader_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"prompt": f"p{i}", "chosen": "a", "rejected": "b"} for i in range(3)]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def breaks(number: int, *_: object) -> None:
        raise TypeError(f"unhashable {number}")

    monkeypatch.setattr("losslab_trainer.data.load.parse", breaks)
    with pytest.raises(TypeError) as caught:
        load_preferences(DataSpec.from_json({"path": str(path)}))
    assert sentence(caught.value) == f"{path}, row 0: TypeError: unhashable 0"
