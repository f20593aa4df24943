"""Judging without an API: reward models and classifiers score answer files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_models import save_tiny, train_tokenizer, write_rows
from losslab_trainer.finetune.classifier import Classifier
from losslab_trainer.finetune.settings import ModelSettings
from losslab_trainer.reward_job import reward
from transformers import GPT2Config, GPT2ForSequenceClassification, LlamaConfig, LlamaForSequenceClassification

pytestmark = pytest.mark.slow

TEXTS = ["the cat sees a good house", "a bad dog runs", "why is it good", "it is bad"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random reward model, a classifier trained to tell good from bad, questions and answers."""
    folder = tmp_path_factory.mktemp("reward")
    tokenizer = train_tokenizer(TEXTS, 300)
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_labels=1,
        **ids,
    )
    LlamaForSequenceClassification(shape).save_pretrained(folder / "reward")
    labels = {"id2label": {0: "bad", 1: "good"}, "label2id": {"bad": 0, "good": 1}}
    small = GPT2Config(vocab_size=len(tokenizer), n_positions=128, n_embd=32, n_layer=1, n_head=2, **ids, **labels)
    classifier = GPT2ForSequenceClassification(small)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-2)
    for _ in range(25):
        for text in TEXTS:
            encoded = tokenizer(text, return_tensors="pt")
            optimizer.zero_grad()
            classifier(encoded["input_ids"], labels=torch.tensor([int("good" in text)])).loss.backward()
            optimizer.step()
    classifier.save_pretrained(folder / "classifier")
    for name in ("reward", "classifier"):
        tokenizer.save_pretrained(folder / name)
    write_rows(folder / "question.jsonl", [{"question_id": i, "turns": ["the cat", "and now"]} for i in (1, 2)])
    choices = [
        [["a good house", "good"], ["it is good", "so good"]],
        [["a bad dog runs", "it is bad"], ["it is bad", "a bad dog runs"]],
    ]
    answers = [
        {"question_id": i + 1, "choices": [{"index": k, "turns": turns} for k, turns in enumerate(samples)]}
        for i, samples in enumerate(choices)
    ]
    write_rows(folder / "answers.jsonl", answers)
    return folder


def job(folder: Path, model: str, **more: Any) -> dict[str, Any]:
    files = {"answers": str(folder / "answers.jsonl"), "questions": [str(folder / "question.jsonl")]}
    return {"model": {"path": str(folder / model), "device": "cpu"}, **files, **more}


def test_a_reward_model_reads_the_dialogue_by_its_own_template(folder: Path) -> None:
    result: Any = reward(job(folder, "reward"))
    assert len(result["perAnswer"]) == 8 and result["mean"]["count"] == 2
    classifier = Classifier.load(ModelSettings(str(folder / "reward"), device="cpu"), None)
    messages = [
        {"role": role, "content": text}
        for role, text in (
            ("user", "the cat"),
            ("assistant", "a good house"),
            ("user", "and now"),
            ("assistant", "good"),
        )
    ]
    ids = classifier.tokenizer.apply_chat_template(messages, return_tensors="pt", return_dict=True)["input_ids"]
    with torch.no_grad():
        alone = float(classifier.model(ids).logits[0, 0])  # not padded and not in a batch
    assert result["perAnswer"][1] == {"question": 1, "sample": 0, "turn": 2, "score": pytest.approx(alone, abs=1e-5)}
    means = [row["score"] for row in result["perQuestion"]]
    assert result["mean"]["value"] == pytest.approx(sum(means) / 2)
    assert means[0] == pytest.approx(sum(row["score"] for row in result["perAnswer"][:4]) / 4)


def test_a_classifier_gives_the_probability_of_the_class_that_is_named(folder: Path) -> None:
    good: Any = reward(job(folder, "classifier", label="good", answerOnly=True))
    bad: Any = reward(job(folder, "classifier", label="bad", answerOnly=True))
    first, second = (row["score"] for row in good["perQuestion"])
    assert first > 0.8 and second < 0.2
    for one, other in zip(good["perAnswer"], bad["perAnswer"], strict=True):
        assert one["score"] + other["score"] == pytest.approx(1, abs=1e-5)


def test_what_cannot_judge_is_named(folder: Path, tmp_path: Path) -> None:
    plain = save_tiny(tmp_path / "plain")
    for changes, words in (
        (job(folder, "classifier"), "bad, good"),
        (job(folder, "classifier", label="fine"), "'fine' is none of them"),
        (job(folder, "reward", label="good"), "one output"),
        (job(folder, "reward") | {"model": {"path": str(plain), "device": "cpu"}}, "score.weight"),
        (job(folder, "reward", answers="/nowhere"), "/nowhere"),
    ):
        result = reward(changes)
        assert words in str(result["problem"]), result
