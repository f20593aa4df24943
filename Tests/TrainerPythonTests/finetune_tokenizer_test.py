"""Tokenizers that do not fit their models, folders that hold an adapter alone, and batches too small for a loss."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from finetune_models import Bench, bench, synthetic_rows, write_rows
from losslab_trainer.contract import LossRejected
from losslab_trainer.finetune.classifier import Classifier
from losslab_trainer.finetune.labelling import label
from losslab_trainer.finetune.models import load_model
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.settings import ModelSettings
from losslab_trainer.inspect_job import inspect
from losslab_trainer.reward_job import reward
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = bench(tmp_path_factory.mktemp("tokens"), rows=40)
    write_rows(made.folder / "question.jsonl", [{"question_id": "q", "turns": ["the cat"]}])
    return made


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def with_added(model: Path, folder: Path, token: str = "[PAD]", **roles: str) -> Path:
    shutil.copytree(model, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens(roles or {"pad_token": token})
    tokenizer.save_pretrained(folder)
    return folder


def judge_with_added(world: Bench, folder: Path) -> Path:
    torch.manual_seed(0)
    LlamaForSequenceClassification(LlamaConfig.from_pretrained(world.model, num_labels=1)).save_pretrained(folder)
    plain = folder.with_name("plain")
    shutil.copytree(folder, plain)
    AutoTokenizer.from_pretrained(world.model).save_pretrained(plain)
    return with_added(plain, folder.with_name("added"))


def test_a_pad_token_that_was_added_and_is_not_used_changes_nothing(world: Bench, tmp_path: Path) -> None:
    added = with_added(world.model, tmp_path / "model")
    assert len(AutoTokenizer.from_pretrained(added)) > len(AutoTokenizer.from_pretrained(world.model))
    sampling = [{"name": "greedy", "temperature": 0.0, "samples": 1}]
    asked: dict[str, Any] = {"questions": [str(world.folder / "question.jsonl")], "sampling": sampling, "klSamples": 1}
    plain = world.run("plain", **asked)
    result = world.run("added", model={"path": str(added)}, save=True, **asked)
    assert result["losses"] == plain["losses"] and result["weightsHash"] == plain["weightsHash"]
    assert result["kl"] == plain["kl"]
    again = AutoTokenizer.from_pretrained(result["weights"])
    assert again.pad_token_id < AutoModelForCausalLM.from_pretrained(result["weights"]).config.vocab_size


def test_a_token_without_a_row_is_named_with_its_place_and_the_next_step(world: Bench, tmp_path: Path) -> None:
    added = with_added(world.model, tmp_path / "model")
    rows = synthetic_rows(12)
    rows[4]["chosen"][0]["content"] += " [PAD]"
    write_rows(tmp_path / "pairs.jsonl", rows)
    trained = world.run("row", model={"path": str(added)}, data={"train": {"path": str(tmp_path / "pairs.jsonl")}})
    write_rows(tmp_path / "question.jsonl", [{"question_id": "q7", "turns": ["the [PAD]"]}])
    asked = world.run("row", model={"path": str(added)}, questions=[str(tmp_path / "question.jsonl")])
    for result, place in ((trained, "row 4"), (asked, "question q7")):
        assert set(result) == {"problem"}, result
        for words in (place, "'[PAD]'", "resize_token_embeddings"):
            assert words in result["problem"]


def test_a_judge_or_a_labelling_policy_names_a_token_without_a_row(world: Bench, tmp_path: Path) -> None:
    judge = judge_with_added(world, tmp_path / "judge")
    assert Classifier.load(ModelSettings(str(judge), device="cpu"), None).scores([[5, 6], [7]])
    write_rows(tmp_path / "answers.jsonl", [{"question_id": "q", "choices": [{"index": 0, "turns": ["a [PAD] dog"]}]}])
    files = {"answers": str(tmp_path / "answers.jsonl"), "questions": [str(world.folder / "question.jsonl")]}
    result = reward({"model": {"path": str(judge), "device": "cpu"}, **files})
    assert "'[PAD]'" in str(result["problem"]) and str(judge) in str(result["problem"])
    rows = [{"prompt": [{"role": "user", "content": "the [PAD] cat"}]}, {"prompt": synthetic_rows(1)[0]["prompt"]}]
    write_rows(tmp_path / "prompts.jsonl", rows)
    added = with_added(world.model, tmp_path / "policy")
    job: dict[str, Any] = {"prompts": {"path": str(tmp_path / "prompts.jsonl")}, "samples": 2, "temperature": 1.0}
    job |= {"maxNewTokens": 4, "pairing": "all", "tieMargin": 0.0, "seed": 1, "output": str(tmp_path / "out.jsonl")}
    context: Any = SimpleNamespace(emit_metrics=lambda step, values: None)
    result = label(job | {"model": {"path": str(added), "device": "cpu"}, "judge": str(judge)}, context)
    assert "'[PAD]'" in str(result["problem"]) and str(added) in str(result["problem"])


def test_another_models_tokenizer_is_refused_also_where_it_is_not_longer(world: Bench, tmp_path: Path) -> None:
    """An id of the vocabulary itself beyond the embeddings, with no more tokens than there are rows."""
    folder = Path(shutil.copytree(world.model, tmp_path / "model"))
    content = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    vocabulary = content["model"]["vocab"]
    last = max(vocabulary, key=vocabulary.get)
    vocabulary[last] += 50
    (folder / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    result = world.run(model={"path": str(folder)})
    assert "do not belong together" in result["problem"] and repr(last) in result["problem"]


def test_padding_beyond_the_embeddings_in_a_configuration_is_named(world: Bench, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(world.model, tmp_path / "model"))
    edit_json(folder / "config.json", pad_token_id=9999)
    assert "pad_token_id 9999" in world.run(model={"path": str(folder)})["problem"]


@pytest.mark.skipif(importlib.util.find_spec("sentencepiece") is not None, reason="sentencepiece is installed")
@pytest.mark.parametrize("name", ["tokenizer.model", "spiece.model"])
def test_a_sentencepiece_tokenizer_names_the_package_it_needs(world: Bench, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(world.model, tmp_path / "model"))
    (folder / "tokenizer.json").unlink()
    # One piece, <unk>, as sentencepiece writes it.
    (folder / name).write_bytes(b"\x0a\x0e\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02")
    edit_json(folder / "tokenizer_config.json", tokenizer_class="LlamaTokenizer" if name[0] == "t" else "T5Tokenizer")
    inspected = inspect({"data": {"path": str(world.folder / "pairs.jsonl")}, "tokenizer": str(folder)})
    for result in (world.run(model={"path": str(folder)}), inspected):
        assert "pip install sentencepiece" in str(result["problem"]) and name in str(result["problem"])
        assert "tiktoken" not in str(result["problem"])


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside-a-model"])
def test_an_adapters_folder_is_named_as_one_with_its_model_and_the_next_step(
    world: Bench, tmp_path: Path, beside: bool
) -> None:
    folder = tmp_path / "adapter"
    if beside:
        shutil.copytree(world.model, folder)
    model = AutoModelForCausalLM.from_pretrained(world.model)
    get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")).save_pretrained(folder)
    found = [world.run(model={"path": str(folder)})["problem"]]
    with pytest.raises(FinetuneProblem) as raised:
        Classifier.load(ModelSettings(str(folder), device="cpu"), None)
    for problem in (*found, str(raised.value)):
        for words in ("an adapter's folder", str(world.model), "merge_and_unload", str(folder)):
            assert words in problem
    if not beside:
        inspected = inspect({"data": {"path": str(world.folder / "pairs.jsonl")}, "tokenizer": str(folder)})
        assert "adapter" in str(inspected["problem"]) and str(world.model) in str(inspected["problem"])
    assert load_model(ModelSettings(str(world.model), device="cpu")).tokenizer is not None


SPREAD = """
def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    margin = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return (1 - beta * margin) ** 2 / (1 + margin.detach().std())
"""
BROKEN = SPREAD.replace("margin.detach().std()", "(margin - margin) / (margin - margin)")


@pytest.mark.parametrize("trainer", ["losslab", "trl"])
def test_a_last_batch_too_small_for_a_loss_is_not_the_losss_fault_and_told_before_training(
    world: Bench, tmp_path: Path, trainer: str
) -> None:
    pairs = write_rows(tmp_path / "pairs.jsonl", synthetic_rows(17))
    spread: dict[str, Any] = {
        "source": SPREAD,
        "trainer": trainer,
        "data": {"train": {"path": str(pairs)}, "heldOutShare": 0},
    }
    before = len(world.metrics)
    result = world.run("small", training={"batchSize": 8}, **spread)
    assert set(result) == {"problem"} and len(world.metrics) == before
    assert "17 pairs in batches of 8 leave a batch of 1" in result["problem"]
    assert "take batchSize 7" in result["problem"]
    assert world.run("seven", training={"batchSize": 7}, **spread)["steps"] == 3
    assert world.run("ended", training={"batchSize": 8, "maxSteps": 2, "shuffle": False}, **spread)["steps"] == 2
    with pytest.raises(LossRejected):
        world.run("broken", training={"batchSize": 8}, **(spread | {"source": BROKEN}))


def test_a_campaigns_trial_rejects_such_a_loss_by_its_last_batch_and_goes_on_with_others(world: Bench) -> None:
    draw = {"side": "search", "confirmationShare": 0.1, "count": 17, "seed": 1}
    asked: dict[str, Any] = {"data": {"heldOutShare": 0, "draw": draw}, "training": {"batchSize": 8}}
    with pytest.raises(LossRejected, match="leave a batch of 1"):
        world.run("drawn", source=SPREAD, **asked)
    assert world.run("drawn", **asked)["steps"] == 3
