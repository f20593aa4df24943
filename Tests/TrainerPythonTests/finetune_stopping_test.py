"""Answers are the policy's own: drawn without the checkpoint's habits of sampling, ended where its template ends."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

from finetune_models import CHATML, bench, save_tiny, sentence, tiny_model, train_tokenizer, write_rows  # noqa: E402
from losslab_trainer.finetune.generation import Plan, Shape, TransformersEngine  # noqa: E402
from losslab_trainer.finetune.models import load_model  # noqa: E402
from losslab_trainer.finetune.settings import AdapterSettings, ModelSettings  # noqa: E402
from losslab_trainer.finetune.stopping import refusal, stop_ids, turn_end  # noqa: E402
from transformers import GenerationConfig  # noqa: E402

HABITS: dict[str, Any] = {
    "repetition_penalty": 5.0,
    "no_repeat_ngram_size": 1,
    "min_p": 0.9,
    "typical_p": 0.2,
    "top_k": 1,
    "top_p": 0.1,
    "temperature": 0.01,
    "epsilon_cutoff": 0.5,
    "suppress_tokens": list(range(10, 200)),
    "begin_suppress_tokens": list(range(10, 300)),
    "bad_words_ids": [[i] for i in range(200, 300)],
    "forced_eos_token_id": 5,
    "min_new_tokens": 20,
    "num_beams": 3,
    "max_time": 1e-9,
}
PROMPTS = [[7, 8, 9], [30, 31, 32, 33, 34]]


def given_habits(folder: Path) -> None:
    config = json.loads((folder / "generation_config.json").read_text()) | HABITS | {"do_sample": True}
    (folder / "generation_config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("adapter", [None, AdapterSettings(4, 8, 0.0, None)], ids=["whole", "adapter"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_checkpoints_habits_change_no_answer(
    tmp_path: Path, temperature: float, adapter: AdapterSettings | None
) -> None:
    save_tiny(tmp_path / "model")
    answers = []
    for habit in (False, True):
        if habit:
            given_habits(tmp_path / "model")
        settings = ModelSettings(str(tmp_path / "model"), dtype="float32", device="cpu", adapter=adapter)
        loaded = load_model(settings)
        before = loaded.model.generation_config.to_json_string()
        answers.append(
            TransformersEngine(loaded.model, loaded.tokenizer).complete(PROMPTS, Plan(temperature, 1, 3), 12)
        )
        assert loaded.model.generation_config.to_json_string() == before
    assert answers[0] == answers[1]


def test_greedy_is_the_likeliest_token_after_each(tmp_path: Path) -> None:
    save_tiny(tmp_path / "model")
    given_habits(tmp_path / "model")
    loaded = load_model(ModelSettings(str(tmp_path / "model"), dtype="float32", device="cpu"))
    (found,) = TransformersEngine(loaded.model, loaded.tokenizer).complete(PROMPTS[:1], Plan(0, 1, 1), 10)
    ids = list(PROMPTS[0])
    with torch.no_grad():
        for token in found:
            assert token == int(loaded.model(torch.tensor([ids])).logits[0, -1].argmax())
            ids.append(token)


def penalised(logits: Any, written: list[int], penalty: float) -> Any:
    """Logits after CTRL's penalty (arXiv:1909.05858, section 4.1), worked out here once more."""
    found = logits.clone()
    for token in set(written):
        found[token] = found[token] * penalty if found[token] < 0 else found[token] / penalty
    return found


def test_a_wanted_repetition_penalty_counts_what_was_written_and_no_padding(tmp_path: Path) -> None:
    """Prompts of two lengths, with padding that is the token that ends answers."""
    save_tiny(tmp_path / "model")
    loaded = load_model(ModelSettings(str(tmp_path / "model"), dtype="float32", device="cpu"))
    loaded.tokenizer.pad_token_id = loaded.tokenizer.eos_token_id
    plan = Plan(0, 1, 1, Shape(repetition_penalty=3.0))
    answers = TransformersEngine(loaded.model, loaded.tokenizer).complete(PROMPTS, plan, 10)
    assert answers != TransformersEngine(loaded.model, loaded.tokenizer).complete(PROMPTS, Plan(0, 1, 1), 10)
    with torch.no_grad():
        for prompt, answer in zip(PROMPTS, answers, strict=True):
            ids = list(prompt)
            for token in answer:
                logits = loaded.model(torch.tensor([ids])).logits[0, -1]
                assert token == int(penalised(logits, ids, 3.0).argmax())
                ids.append(token)


@pytest.mark.parametrize("shape", [Shape(top_k=3), Shape(top_p=0.2), Shape(min_p=0.7)], ids=["top-k", "top-p", "min-p"])
def test_what_a_user_wants_of_sampling_is_kept_to(tmp_path: Path, shape: Shape) -> None:
    """Every drawn token is among those that the setting leaves, and without the setting others are drawn too."""
    save_tiny(tmp_path / "model")
    loaded = load_model(ModelSettings(str(tmp_path / "model"), dtype="float32", device="cpu"))

    def outside(shape: Shape) -> int:
        engine, count = TransformersEngine(loaded.model, loaded.tokenizer), 0
        for seed in range(6):
            for prompt, answer in zip(PROMPTS, engine.complete(PROMPTS, Plan(1.0, 1, seed, shape), 8), strict=True):
                ids = list(prompt)
                for token in answer:
                    chances = loaded.model(torch.tensor([ids])).logits[0, -1].softmax(-1)
                    ranked = chances.sort(descending=True)
                    rank = int((ranked.indices == token).nonzero())
                    before = float(ranked.values[:rank].sum())
                    count += (
                        rank >= (wanted.top_k or len(chances))
                        or before >= wanted.top_p
                        or float(chances[token]) < wanted.min_p * float(ranked.values[0])
                    )
                    ids.append(token)
        return count

    wanted = shape
    with torch.no_grad():
        assert outside(shape) == 0
        assert outside(Shape()) > 0


def test_a_job_says_how_answers_are_drawn() -> None:
    """What it leaves out, or says as null, bends nothing."""
    assert Shape.read(None) == Shape() == Shape.read({"topP": None})
    given = {"topP": 0.9, "topK": 20, "minP": 0.05, "repetitionPenalty": 1.1}
    plan = Plan(0.7, 1, 4, Shape.read(given))
    assert plan.transformers_options() == {
        "do_sample": True,
        "temperature": 0.7,
        "top_k": 20,
        "top_p": 0.9,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
    }
    assert Plan(0, 1, 4, Shape()).transformers_options() == {"do_sample": False}
    assert Plan(0, 1, 4).vllm_options() == {
        "temperature": 0,
        "seed": None,
        "top_p": 1.0,
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
    }


NEEDS_SYSTEM = "{% if messages[0]['role'] != 'system' %}{{ raise_exception('no system message') }}{% endif %}"
TEMPLATES = {
    "its own end of turn": (CHATML, "<|im_end|>"),
    "the end of sequence": (CHATML.replace("<|im_end|>\n", "{{ eos_token }}"), "<|endoftext|>"),
    "no token behind an answer": (CHATML.replace("<|im_end|>", ""), None),
    "one that refuses": ("{{ raise_exception('no') }}", None),
    "one that wants a system message": (NEEDS_SYSTEM + CHATML, "<|im_end|>"),
    "one that leaves answers out": ("{{ messages[0]['content'] }}", None),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_token_that_ends_a_turn_is_read_from_the_template(name: str) -> None:
    template, token = TEMPLATES[name]
    tokenizer = train_tokenizer([sentence(random.Random(i), 12) for i in range(20)])
    tokenizer.eos_token = "<|endoftext|>"
    tokenizer.chat_template = template
    assert turn_end(tokenizer) == (None if token is None else tokenizer.convert_tokens_to_ids(token))
    assert (refusal(tokenizer) is None) == (name != "one that refuses")


def test_a_template_that_hides_where_an_answer_ends_is_told(tmp_path: Path) -> None:
    made = bench(tmp_path, rows=20)
    plain = [{"prompt": "the cat", "chosen": f"sees {i}", "rejected": f"runs {i}"} for i in range(20)]
    write_rows(made.folder / "pairs.jsonl", plain)
    tokenizer = train_tokenizer([sentence(random.Random(i), 12) for i in range(50)])
    tokenizer.chat_template = "{{ raise_exception('no dogs') }}"
    tokenizer.save_pretrained(made.model)
    training = {"maxSteps": 1, "batchSize": 4}
    result: dict[str, Any] = made.run("out", training=training, data={"heldOutShare": 0}, save=True)
    (note,) = [note for note in result["notes"] if "no dogs" in note]
    assert "where a turn ends is not known" in note
    # And where it is to write a question, it is named.
    questions = write_rows(made.folder / "questions.jsonl", [{"question_id": 1, "turns": ["the cat"]}])
    result = made.run("asked", training=training, data={"heldOutShare": 0}, questions=[str(questions)], klSamples=1)
    assert "the chat template refuses a dialogue of user (no dogs)" in result["problem"]


def test_an_answer_ends_with_its_turn_also_in_the_saved_model(tmp_path: Path) -> None:
    made = bench(tmp_path)
    tokenizer = train_tokenizer([sentence(random.Random(i), 12) for i in range(50)])
    tokenizer.eos_token = "<|endoftext|>"  # as in Qwen's base models, whose template ends turns with <|im_end|>
    tokenizer.save_pretrained(made.model)
    tiny_model(tokenizer).save_pretrained(made.model)
    loaded = load_model(ModelSettings(str(made.model), dtype="float32", device="cpu"))
    ends = {tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>")}
    assert stop_ids(loaded.model, loaded.tokenizer) == ends
    turn = tokenizer.convert_tokens_to_ids("<|im_end|>")
    with torch.no_grad():  # a policy that always ends its turn
        loaded.model.get_input_embeddings().weight[turn] *= 0
        loaded.model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(loaded.model.lm_head.weight))
        loaded.model.lm_head.weight[turn] = 1
        loaded.model.model.norm.weight.fill_(1)
    engine = TransformersEngine(loaded.model, loaded.tokenizer)
    found = engine.complete([[7, 8, 9]], Plan(1.0, 1, 2), 200)[0]
    assert len(found) < 200 and found[-1] in ends and not ends & set(found[:-1])
    given_habits(made.model)
    made.run("out", training={"maxSteps": 1}, save=True)
    saved = GenerationConfig.from_pretrained(made.folder / "out" / "weights")
    assert set(saved.eos_token_id) == ends and saved.repetition_penalty == HABITS["repetition_penalty"]
