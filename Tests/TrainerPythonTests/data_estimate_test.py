"""Estimates against what is really there: parameters, adapters, shards; and the work each option adds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from data_files import bpe_tokenizer
from losslab_trainer.estimate.job import estimate
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.weight_files import stored_weights
from tiny_policy import random_pairs
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("estimate")
    rows = random_pairs(40)
    tokenizer = bpe_tokenizer([json.dumps(row) for row in rows], size=400)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder / "model")
    model.to(torch.bfloat16).save_pretrained(folder / "shards", max_shard_size="100KB")
    for name in ("model", "shards"):
        tokenizer.save_pretrained(folder / name)
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def run(
    folder: Path, model: dict[str, Any] | None = None, flops: float | None = 1e12, **training: Any
) -> dict[str, Any]:
    settings = {"path": str(folder / "model"), "device": "cpu"} | (model or {})
    job = {"model": settings, "data": {"path": str(folder / "pairs.jsonl")}, "training": training, "flops": flops}
    result: dict[str, Any] = estimate(job)
    json.dumps(result, allow_nan=False)
    return result


def parts(result: dict[str, Any]) -> dict[str, int]:
    return {part["part"]: part["bytes"] for part in result["memory"]}


def test_headers_count_what_the_model_holds(folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder / "model")
    parameters = sum(p.numel() for p in model.parameters())
    whole, shards = (stored_weights(folder / name, name) for name in ("model", "shards"))
    assert whole is not None
    assert shards is not None
    assert len(list((folder / "shards").glob("*.safetensors"))) > 1
    assert (whole.parameters, whole.bytes, set(whole.dtypes)) == (parameters, 4 * parameters, {"F32"})
    assert (shards.parameters, shards.bytes, set(shards.dtypes)) == (parameters, 2 * parameters, {"BF16"})
    result = run(folder)
    assert result["model"]["parameters"] == result["model"]["trained"] == parameters
    assert parts(result)["weights"] == parts(result)["gradients"] == 4 * parameters
    assert parts(result)["optimizer"] == 8 * parameters
    assert result["totalBytes"] == sum(parts(result).values())
    assert {part["basis"] for part in result["memory"]} == {"counted", "assumed"}


def test_an_adapter_trains_as_many_weights_as_peft_makes(folder: Path) -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415

    model = AutoModelForCausalLM.from_pretrained(folder / "model")
    frozen = sum(p.numel() for p in model.parameters())
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    result = run(folder, {"adapter": {"rank": 4}, "dtype": "bfloat16"})
    assert (result["model"]["parameters"], result["model"]["trained"]) == (frozen, trained)
    assert parts(result)["weights"] == 2 * frozen + 4 * trained
    assert parts(result)["optimizer"] == 8 * trained
    quantised = run(folder, {"adapter": {"rank": 4}, "dtype": "bfloat16", "quantization": "4bit"})
    assert parts(quantised)["weights"] < parts(result)["weights"]


def test_options_add_the_memory_and_work_that_they_mean(folder: Path) -> None:
    whole = run(folder, batchSize=8, microBatchSize=8)
    cached = run(folder, batchSize=8, microBatchSize=2)
    checkpointed = run(folder, {"gradientCheckpointing": True}, batchSize=8, microBatchSize=8)
    assert parts(cached)["activations"] < parts(whole)["activations"]
    assert parts(checkpointed)["activations"] < parts(whole)["activations"]
    # Forward is a third of a step; a gradient cache and checkpointing each do it once more.
    assert cached["time"]["training"] == pytest.approx(4 / 3 * whole["time"]["training"])
    assert checkpointed["time"]["training"] == pytest.approx(4 / 3 * whole["time"]["training"])
    twice = run(folder, batchSize=8, microBatchSize=8, epochs=2)
    assert twice["time"]["training"] == pytest.approx(2 * whole["time"]["training"])
    assert twice["time"]["reference"] == whole["time"]["reference"]
    assert (whole["steps"], twice["steps"]) == (5, 10)
    assert whole["time"]["basis"] == "assumed"
    half = run(folder, {"dtype": "bfloat16"}, batchSize=8, microBatchSize=8)
    assert parts(half)["weights"] == parts(whole)["weights"]
    assert "cast weights" in parts(half)


def test_layers_are_timed_here_and_not_for_a_device_that_is_not_here(folder: Path) -> None:
    timed = run(folder, flops=None)["time"]
    assert timed["basis"] == "measured"
    assert "one and two of the 4 layers" in timed["how"]
    assert timed["seconds"] > timed["reference"] > 0
    if not torch.cuda.is_available():
        elsewhere = run(folder, {"device": "cuda"}, flops=None)
        assert elsewhere["time"] == {"seconds": None, "basis": None, "how": elsewhere["time"]["how"]}
        assert "--flops" in elsewhere["time"]["how"]
        assert elsewhere["freeBytes"] is None


def test_what_cannot_be_estimated_is_a_problem_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    assert "no config.json" in run(folder, {"path": str(tmp_path)})["problem"]
    assert (
        "no file or folder"
        in estimate(  # type: ignore[operator]
            {"model": {"path": str(folder / "model")}, "data": {"path": str(tmp_path / "none.jsonl")}}
        )["problem"]
    )
    assert "no pair is left" in run(folder, maxLength=2)["problem"]
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(FinetuneProblem, match="no safetensors file"):
        stored_weights(broken, "model")
    (broken / "model.safetensors.index.json").write_text('{"weight_map": {"a": "missing.safetensors"}}')
    with pytest.raises(FinetuneProblem, match=r"missing\.safetensors is missing"):
        stored_weights(broken, "model")
