"""Preference pairs without an API: what a policy answers, a classifier trained here grades."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from finetune_models import write_rows
from losslab_trainer.data.load import load_preferences
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.finetune.classifier import Classifier
from losslab_trainer.finetune.generation import answer_text
from losslab_trainer.finetune.labelling import Graded, label, pairs_of
from losslab_trainer.finetune.settings import ModelSettings
from losslab_trainer.reward_job import reward
from tiny_judge import PROMPTS, make
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.models.auto.configuration_auto import CONFIG_MAPPING


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("label"))


def run(
    folder: Path, output: str = "pairs.jsonl", model: str = "plain", template: str | None = None, **changes: Any
) -> dict[str, Any]:
    job = {
        "model": {"path": str(folder / model), "dtype": "float32", "device": "cpu", "chatTemplate": template},
        "judge": str(folder / "classifier"),
        "label": "good",
        "prompts": {"path": str(folder / "prompts.jsonl")},
        "samples": 3,
        "temperature": 1.0,
        "maxNewTokens": 6,
        "pairing": "best-worst",
        "tieMargin": 0.0,
        "heldOut": 0,
        "seed": 1,
        "output": str(folder / output),
    }
    context: Any = SimpleNamespace(emit_metrics=lambda step, values: None)
    return dict(label(job | changes, context))


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.slow
def test_every_prompt_is_a_pair_or_counted_and_its_scores_are_the_judges(folder: Path) -> None:
    result = run(folder)
    assert result["dropped"] == {"duplicate": 1, "empty": 1}
    assert result["prompts"] == len(PROMPTS) and result["answers"] == 3 * len(PROMPTS)
    assert result["pairs"] + result["ties"] + result["identical"] == len(PROMPTS)
    pairs = rows(folder / "pairs.jsonl")
    assert len(pairs) == result["pairs"] > 0
    judge = Classifier.load(ModelSettings(str(folder / "classifier"), device="cpu"), "good")
    for pair in pairs:
        assert pair["prompt"] in PROMPTS and pair["score_chosen"] > pair["score_rejected"]
        for side in ("chosen", "rejected"):
            # Alone and not in a batch: prompt and continuation are one text.
            ids = judge.tokenizer(pair["prompt"] + pair[side], return_tensors="pt")["input_ids"]
            with torch.no_grad():
                alone = float(judge.model(ids).logits.softmax(-1)[0, 1])
            assert pair[f"score_{side}"] == pytest.approx(alone, abs=1e-5)
    loaded = load_preferences(DataSpec(str(folder / "pairs.jsonl")))
    assert loaded.layout == result["layout"] == "explicit-plain" and len(loaded.rows) == len(pairs)


@pytest.mark.slow
def test_the_reward_job_gives_a_continuation_the_score_that_its_pair_has(folder: Path) -> None:
    run(folder, "graded.jsonl")
    pairs = rows(folder / "graded.jsonl")
    questions = [{"question_id": i, "turns": [pair["prompt"]]} for i, pair in enumerate(pairs)]
    answers = [{"question_id": i, "choices": [{"index": 0, "turns": [pair["chosen"]]}]} for i, pair in enumerate(pairs)]
    job = {
        "model": {"path": str(folder / "classifier"), "device": "cpu"},
        "label": "good",
        "answers": str(write_rows(folder / "answers.jsonl", answers)),
        "questions": [str(write_rows(folder / "asked.jsonl", questions))],
    }
    continued: Any = reward(job | {"policy": {"path": str(folder / "plain")}})
    answered: Any = reward(job | {"policy": {"path": str(folder / "chat")}})
    for pair, found in zip(pairs, continued["perQuestion"], strict=True):
        assert found["score"] == pytest.approx(pair["score_chosen"], abs=1e-5)
    assert continued["perQuestion"] != answered["perQuestion"]  # a blank line between, as a dialogue has it


@pytest.mark.slow
def test_a_plain_answer_and_its_prompt_are_the_text_that_was_written(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder / "plain")
    for text in ("the cat sees a good house", "the cat, a dog", "the ca" + "t runs"):
        ids = tokenizer(text)["input_ids"]
        for end in range(1, len(ids)):
            prompt = tokenizer.decode(ids[:end], clean_up_tokenization_spaces=False)
            assert prompt + answer_text(tokenizer, ids[:end], ids[end:]) == text
    assert not answer_text(tokenizer, ids, tokenizer(" ")["input_ids"])
    assert answer_text(AutoTokenizer.from_pretrained(folder / "chat"), ids, tokenizer(" why ")["input_ids"]) == "why"


@pytest.mark.slow
def test_a_seed_decides_everything(folder: Path) -> None:
    run(folder, "one.jsonl", count=4)
    run(folder, "two.jsonl", count=4)
    run(folder, "three.jsonl", count=4, seed=2)
    one, two, three = ((folder / f"{name}.jsonl").read_bytes() for name in ("one", "two", "three"))
    assert one == two != three


@pytest.mark.slow
def test_texts_are_cut_to_beginnings_and_some_become_questions(folder: Path) -> None:
    texts = [f"{word} sees {other} and likes it" for word in ("cat", "dog", "tree") for other in ("a", "the", "so")]
    write_rows(folder / "reviews.jsonl", [{"text": text, "mark": 1} for text in [*texts, "it"]])
    questions = folder / "question.jsonl"
    result = run(
        folder,
        "cut.jsonl",
        prompts={"path": str(folder / "reviews.jsonl")},
        promptTokens=[6, 8],
        heldOut=2,
        questions=str(questions),
        pairing="all",
    )
    assert result["heldOut"] == 2 and result["dropped"]["too-short"] == 1
    assert result["pairs"] + result["ties"] + result["identical"] <= 3 * result["prompts"]
    asked = [row["turns"][0] for row in rows(questions)]
    answered = {row["prompt"] for row in rows(folder / "cut.jsonl")}
    assert len(set(asked)) == 2 and not answered & set(asked)
    assert all(any(text.startswith(prompt) for text in texts) for prompt in [*asked, *answered])


@pytest.mark.slow
def test_a_policy_with_a_template_answers_a_users_turn(folder: Path) -> None:
    result = run(folder, "chat.jsonl", "chat")
    first = rows(folder / "chat.jsonl")[0]
    assert (
        result["layout"] == "explicit-conversational" == load_preferences(DataSpec(str(folder / "chat.jsonl"))).layout
    )
    assert first["prompt"][-1]["role"] == "user" and first["chosen"][0]["role"] == "assistant"
    assert run(folder, "as-text.jsonl", "chat", plain=True)["layout"] == "explicit-plain"


@pytest.mark.slow
def test_what_cannot_be_used_is_named(folder: Path) -> None:
    write_rows(folder / "two.jsonl", [{"question": "a", "text": "b"}])
    write_rows(folder / "turns.jsonl", [{"prompt": [{"role": "user", "content": "why"}]}])
    for changes, words in (
        ({"prompts": {"path": str(folder / "two.jsonl")}}, "Choose with --column"),
        ({"prompts": {"path": str(folder / "two.jsonl")}, "column": "prompt"}, "there are question, text"),
        ({"prompts": {"path": str(folder / "turns.jsonl")}}, "no chat template"),
        ({"label": "fine"}, "'fine' is none of them"),
        ({"heldOut": 9, "questions": str(folder / "q.jsonl")}, "leave none to label"),
        ({"maxNewTokens": 64}, "too-long"),
        ({"samples": 1}, "samples must be at least 2"),
    ):
        result = run(folder, "never.jsonl", **changes)
        assert words in str(result["problem"]), result
    assert not (folder / "never.jsonl").exists()


@pytest.mark.slow
def test_prompts_that_the_template_does_not_write_whole_are_not_answered(folder: Path) -> None:
    prompts: list[dict[str, Any]] = [
        {"prompt": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "why the cat"}]}
    ]
    prompts += [{"prompt": [{"role": "user", "content": f"why {i}"}], "note": "x"} for i in range(2)]
    write_rows(folder / "developer.jsonl", prompts)
    template = (
        "{% for m in messages if m['role'] != 'developer' %}[{{ m['role'] }}] {{ m['content'] }}{{ eos_token }}"
        "{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
    )
    result = run(folder, "whole.jsonl", "chat", template, prompts={"path": str(folder / "developer.jsonl")})
    assert result["dropped"] == {"left-out": 1}
    assert result["prompts"] == 2
    assert result["notes"] == ["columns that are not used: note (filled in 2 rows)"]


@pytest.mark.slow
def test_dialogues_whose_turns_the_judge_cannot_read_are_not_answered_or_told(folder: Path) -> None:
    user, answer = ({"role": role, "content": "why the cat"} for role in ("user", "assistant"))
    system = {"role": "system", "content": "be brief"}
    dialogues = [[user, user], [answer, user], [system, user], [user, answer, user]]
    write_rows(folder / "odd.jsonl", [{"prompt": dialogue} for dialogue in dialogues])
    result = run(folder, "odd-pairs.jsonl", "chat", prompts={"path": str(folder / "odd.jsonl")})
    assert result["dropped"] == {"odd-turns": 2}
    assert result["prompts"] == 2
    assert result["notes"] == ["the judge does not read the system's and tools' turns of 1 prompts"]


def graded(*scores: float, texts: str = "abcdefgh") -> list[Graded]:
    return [Graded(text, score, cut=False) for text, score in zip(texts, scores, strict=False)]


def test_ties_identical_and_empty_answers_make_no_pair() -> None:
    counts: Counter[str] = Counter()
    (best,) = pairs_of(graded(0.2, 0.9, 0.1, 0.5), "best-worst", 0.0, counts)
    assert [answer.text for answer in best] == ["b", "c"]
    every = list(pairs_of(graded(0.2, 0.9, 0.1, 0.5), "all", 0.15, counts))
    assert len(every) == 5  # 0.2 and 0.1 are too close
    assert all(better.score > worse.score for better, worse in every)
    assert not list(pairs_of(graded(0.4, 0.4), "best-worst", 0.0, counts))
    assert not list(pairs_of(graded(0.4, 0.4, texts="aa"), "all", 0.0, counts))
    assert not list(pairs_of(graded(0.4, 0.9, texts="a "), "best-worst", 0.0, counts))
    assert counts == Counter(ties=2, identical=1, empty=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["distilbert", "roberta"])
def test_the_shapes_of_published_sentiment_classifiers_grade(kind: str, folder: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder / "classifier")
    tokenizer.model_max_length = 64
    shared: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "id2label": {0: "NEGATIVE", 1: "POSITIVE"},
        "label2id": {"NEGATIVE": 0, "POSITIVE": 1},
    }
    sizes = {
        "distilbert": {"dim": 16, "hidden_dim": 32, "n_layers": 1, "n_heads": 2, "max_position_embeddings": 64},
        # Two rows of its table of positions are for nothing but padding.
        "roberta": {
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 64 + tokenizer.pad_token_id + 1,
        },
    }[kind]
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(CONFIG_MAPPING[kind](**shared, **sizes))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    judge = Classifier.load(ModelSettings(str(tmp_path), device="cpu"), "POSITIVE")
    texts = ["the cat", "why is it so good", "a bad dog " * 60]
    ids = [judge.encode([text], [""], answer_only=False, continued=True) for text in texts]
    assert [len(row) for row in ids][-1] == 64
    together = judge.scores(ids)
    assert together == pytest.approx([judge.scores([row])[0] for row in ids], abs=1e-5)
    assert len(set(together)) == 3 and all(0 < score < 1 for score in together)
