"""A checkpoint is the whole model that its config.json describes, or is refused by its weights' names at every door."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_models import Bench, bench, save_tiny, synthetic_rows, write_rows
from losslab_trainer.finetune import divergence
from losslab_trainer.finetune.classifier import Classifier
from losslab_trainer.finetune.generation import Plan
from losslab_trainer.finetune.labelling import label
from losslab_trainer.finetune.models import load_model
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.reference import model_key
from losslab_trainer.finetune.scoring import PairScorer
from losslab_trainer.finetune.settings import ModelSettings
from losslab_trainer.policy import load_policy
from losslab_trainer.reward_job import reward
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForSequenceClassification

pytestmark = pytest.mark.slow

Weights = dict[str, torch.Tensor]
EMBEDDINGS, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def changed(folder: Path, change: Callable[[Weights], Weights]) -> Path:
    weights = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(change(weights), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def without(part: str) -> Callable[[Weights], Weights]:
    return lambda weights: {name: tensor for name, tensor in weights.items() if part not in name}


def with_nan(weights: Weights) -> Weights:
    weights["model.norm.weight"][3] = float("nan")
    return weights


@pytest.fixture(scope="module")
def untied(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench(tmp_path_factory.mktemp("untied"), rows=30, tie_word_embeddings=False)


FAULTS: list[tuple[str, Callable[[Weights], Weights], tuple[str, ...]]] = [
    ("no head", without(HEAD), (f"hold no {HEAD}", "at random")),
    ("no layer", without("layers.1."), ("hold no model.layers.1.input_layernorm.weight", "and 6 more")),
    (
        "prefixed",
        lambda weights: {f"module.{name}": tensor for name, tensor in weights.items()},
        ("hold no lm_head.weight", "instead is module.lm_head.weight"),
    ),
    ("more", lambda weights: weights | {"v_head.weight": torch.ones(3)}, ("hold v_head.weight", "no place for")),
    ("shape", lambda weights: weights | {HEAD: torch.ones(3, 32)}, (f"{HEAD} is stored as [3, 32]",)),
    ("nan", with_nan, ("not all finite", "model.norm.weight")),
]


@pytest.mark.parametrize(("change", "words"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
@pytest.mark.parametrize("adapter", [None, {"rank": 2}], ids=["whole", "adapter"])
def test_a_checkpoint_that_is_not_the_whole_model_is_refused_by_name(
    untied: Bench,
    tmp_path: Path,
    change: Callable[[Weights], Weights],
    words: tuple[str, ...],
    adapter: dict[str, Any] | None,
) -> None:
    folder = changed(shutil.copytree(untied.model, tmp_path / "model"), change)
    for loss in ("dpo", None):
        result = untied.run(loss=loss, model={"path": str(folder), "adapter": adapter})
        assert set(result) == {"problem"}, result
        for text in (str(folder), *words):
            assert text in result["problem"]
        assert "\n" not in result["problem"]


def test_weights_that_are_tied_need_be_there_once(tmp_path: Path) -> None:
    save_tiny(tmp_path / "model")
    stored = load_file(tmp_path / "model" / "model.safetensors")
    assert HEAD not in stored and EMBEDDINGS in stored
    changes: list[Callable[[Weights], Weights]] = [
        lambda weights: weights,
        lambda weights: weights | {HEAD: weights[EMBEDDINGS].clone()},
        lambda weights: {HEAD if name == EMBEDDINGS else name: tensor for name, tensor in weights.items()},
    ]
    for i, change in enumerate(changes):
        folder = changed(shutil.copytree(tmp_path / "model", tmp_path / f"copy-{i}"), change)
        model = load_model(ModelSettings(str(folder), device="cpu")).model
        assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
        assert torch.equal(model.get_input_embeddings().weight, stored[EMBEDDINGS])


def test_a_file_that_is_cut_short_is_named_as_unreadable(untied: Bench, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(untied.model, tmp_path / "model"))
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    result = untied.run(model={"path": str(folder)})
    assert "model.safetensors is cut short" in result["problem"] and str(folder) in result["problem"]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny(tmp_path_factory.mktemp("judge") / "model")
    config = LlamaConfig.from_pretrained(folder, num_labels=1)
    torch.manual_seed(0)
    LlamaForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("change", "words"),
    [(without("layers.0."), "hold no model.layers.0"), (lambda w: w | {"extra": torch.ones(2)}, "hold extra")],
    ids=["missing", "more"],
)
def test_a_judge_is_held_to_the_same(
    judge: Path, tmp_path: Path, change: Callable[[Weights], Weights], words: str
) -> None:
    folder = changed(shutil.copytree(judge, tmp_path / "judge"), change)
    policy = save_tiny(tmp_path / "policy")
    write_rows(tmp_path / "prompts.jsonl", [{"prompt": row["prompt"]} for row in synthetic_rows(3)])
    write_rows(tmp_path / "question.jsonl", [{"question_id": 1, "turns": ["the cat"]}])
    write_rows(tmp_path / "answers.jsonl", [{"question_id": 1, "choices": [{"index": 0, "turns": ["a dog"]}]}])
    graded = reward(
        {
            "model": {"path": str(folder), "device": "cpu"},
            "answers": str(tmp_path / "answers.jsonl"),
            "questions": [str(tmp_path / "question.jsonl")],
        }
    )
    job: dict[str, Any] = {
        "model": {"path": str(policy), "device": "cpu"},
        "judge": str(folder),
        "prompts": {"path": str(tmp_path / "prompts.jsonl")},
        "samples": 2,
        "temperature": 1.0,
        "maxNewTokens": 4,
        "pairing": "all",
        "tieMargin": 0.0,
        "seed": 1,
        "output": str(tmp_path / "pairs.jsonl"),
    }
    context: Any = None
    labelled = label(job, context)
    for result in (graded, labelled):
        assert words in str(result["problem"]) and str(folder) in str(result["problem"])
    assert Classifier.load(ModelSettings(str(judge), device="cpu"), None).positive is None


def test_a_policy_that_answers_for_labels_is_held_to_the_same(untied: Bench, judge: Path, tmp_path: Path) -> None:
    folder = changed(shutil.copytree(untied.model, tmp_path / "model"), without(HEAD))
    with pytest.raises(FinetuneProblem, match=HEAD):
        load_model(ModelSettings(str(folder), device="cpu"), trained=False)
    with pytest.raises(ValueError, match=HEAD):
        load_policy(folder)


def test_the_second_load_for_kl_reads_the_weights_again_and_refuses_what_is_not_the_model(
    untied: Bench, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(untied.model, tmp_path / "model"))
    loaded = load_model(ModelSettings(str(folder), device="cpu", dtype="float32"))
    changed(folder, without(HEAD))
    with pytest.raises(FinetuneProblem, match=HEAD):
        divergence.sampled_kl(loaded, PairScorer(loaded.model, way="padded"), [], Plan(1.0, 1, 1), 4)


def test_a_reference_is_found_again_only_for_the_weights_it_was_computed_with(tmp_path: Path) -> None:
    """A file replaced by one of the same size and time of writing, beside another that is not loaded."""
    folder = save_tiny(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(folder)
    keys = []
    for value in (0.5, 0.25):
        with torch.no_grad():
            model.model.norm.weight.fill_(value)
        model.save_pretrained(folder)
        os.utime(folder / "model.safetensors", ns=(1, 1))
        save_file({"lora": torch.ones(2)}, folder / "stray.safetensors")
        loaded = load_model(ModelSettings(str(folder), device="cpu"))
        assert float(loaded.model.model.norm.weight.detach()[0]) == value
        keys.append(model_key(loaded, {}))
    assert keys[0] != keys[1]
