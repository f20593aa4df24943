"""Hostile model folders at the jobs that load them: one sentence each, within bounds of memory, before any training."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_models import Bench, bench, write_rows
from hostile_folders import FOLDERS, OF_WEIGHTS, Change, settings, text
from losslab_trainer.estimate.job import estimate
from losslab_trainer.finetune import memory
from losslab_trainer.inspect_job import inspect
from losslab_trainer.reward_job import reward
from safetensors.torch import load_file, save_file

pytestmark = pytest.mark.slow


def not_numbers(folder: Path) -> None:
    path = folder / "model.safetensors"
    save_file({name: tensor * float("nan") for name, tensor in load_file(path).items()}, path, {"format": "pt"})


# What no small file tells, but the model that transformers makes of them.
LOADED: dict[str, tuple[Change, str]] = {
    "absurd width": (settings(hidden_size=4_194_304), "do not belong together"),
    "absurd rows": (settings(vocab_size=10**12), "do not belong together"),
    "more than can be counted": (settings(vocab_size=2**70), "model "),
    "absurd inner width": (settings(intermediate_size=10**10), "do not belong together"),
    "heads that do not divide": (settings(num_attention_heads=5, num_key_value_heads=5, head_dim=None), "model "),
    "text for a number": (settings(rms_norm_eps="small"), "model "),
    "unknown activation": (settings(hidden_act="none of them"), "model "),
    "unknown architecture": (settings(model_type="own"), "model "),
    "weights that are no numbers": (not_numbers, "not all finite numbers"),
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench(tmp_path_factory.mktemp("tiny"), rows=20)


def problem(result: Any) -> str:
    assert set(result) == {"problem"}, result
    said = str(result["problem"])
    assert "\n" not in said and "Traceback" not in said and len(said) < 1000, said
    return said


@pytest.mark.parametrize("name", LOADED)
def test_what_only_loading_tells_is_one_sentence_too(tiny: Bench, tmp_path: Path, name: str) -> None:
    change, words = LOADED[name]
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    change(folder)
    before = memory.peak_bytes(torch.device("cpu"))
    said = problem(tiny.run(model={"path": str(folder)}))
    assert words in said and str(folder) in said
    assert not list((tiny.folder / "out").glob("*.jsonl"))
    if name != "weights that are no numbers":  # an estimate loads none
        said = problem(estimate({"model": {"path": str(folder)}, "data": {"path": str(tiny.folder / "pairs.jsonl")}}))
        assert words in said and str(folder) in said
    assert memory.peak_bytes(torch.device("cpu")) - before < 1 << 30


@pytest.mark.parametrize("name", ["own code", "NaN", "tokenizer_config is a list", "2,000,000 layers", "cut short"])
def test_every_job_says_the_same(tiny: Bench, tmp_path: Path, name: str) -> None:
    change, words = {**FOLDERS, **OF_WEIGHTS}[name]
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    change(folder)
    model = {"path": str(folder), "device": "cpu"}
    questions = write_rows(tmp_path / "questions.jsonl", [{"question_id": 1, "turns": ["a cat"]}])
    answers = write_rows(tmp_path / "answers.jsonl", [{"question_id": 1, "choices": [{"index": 0, "turns": ["a"]}]}])
    data = {"path": str(tiny.folder / "pairs.jsonl")}
    asked: dict[str, Any] = {"questions": [str(questions)], "answers": str(answers)}
    results: list[Any] = [
        tiny.run(model=model),
        tiny.run(loss=None, model=model),
        estimate({"model": model, "data": data}),
        reward({"model": model, **asked}),
    ]
    if name not in OF_WEIGHTS:
        results.append(inspect({"data": data, "tokenizer": str(folder)}))
    for result in results:
        assert words[0] in problem(result)


@pytest.mark.parametrize("file", ["tokenizer.json", "special_tokens_map.json", "added_tokens.json"])
@pytest.mark.parametrize("content", ["[]", "{", '{"model": ' * 200, '{"eos_token": 3, "model": {"type": "none"}}'])
def test_a_damaged_tokenizer_is_one_sentence(tiny: Bench, tmp_path: Path, file: str, content: str) -> None:
    folder = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    text(file, content)(folder)
    result = tiny.run(model={"path": str(folder)}, training={"maxSteps": 1})
    assert "problem" not in result or str(folder) in problem(result)
