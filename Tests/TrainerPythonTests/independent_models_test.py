"""Log-probabilities, losses, stops and answers of awkward checkpoints, held to transformers and to TRL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

from finetune_models import Bench, write_rows  # noqa: E402
from independent_checkpoints import CHECKPOINTS, Checkpoint  # noqa: E402
from independent_computation import Dialogue, Plain, Sides, dialogues, of_dialogue, of_plain  # noqa: E402
from losslab_trainer.answers import Question  # noqa: E402
from losslab_trainer.data import DataSpec, load_preferences  # noqa: E402
from losslab_trainer.data.tokenise import TokenisedPair, TokeniseOptions, tokenise  # noqa: E402
from losslab_trainer.finetune.generation import Plan, TransformersEngine, answer_questions  # noqa: E402
from losslab_trainer.finetune.models import load_model  # noqa: E402
from losslab_trainer.finetune.settings import AdapterSettings, ModelSettings  # noqa: E402
from losslab_trainer.finetune.sides import scorer_for  # noqa: E402
from losslab_trainer.finetune.stopping import stop_ids  # noqa: E402
from transformers import GenerationConfig  # noqa: E402

BETA, PAIRS, LIMIT = 0.1, 10, 24
WITHOUT_HABITS = {"repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "min_new_tokens": 0}
LORA = AdapterSettings(4, 8, 0.0, None)
# Asymmetric in all four, so that a swapped or missing vector shows in the first value.
LOSS = """
import torch.nn.functional as F
from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,
    policy_rejected_logps: Tensor,
    reference_chosen_logps: Tensor,
    reference_rejected_logps: Tensor,
    beta: float,
) -> Tensor:
    policy = 2 * policy_chosen_logps - policy_rejected_logps
    return F.softplus(beta * (0.5 * reference_chosen_logps - 0.2 * reference_rejected_logps - policy) / 10)
"""


@dataclass
class Case:
    """A checkpoint on disk, pairs in a file, and what transformers makes of both."""

    kind: Checkpoint
    bench: Bench
    told: Sequence[Dialogue]

    @cached_property
    def plain(self) -> Plain:
        return Plain.of(self.bench.model)

    @cached_property
    def pairs(self) -> list[Sides]:
        if self.kind.template is None:
            texts = ((f"{d.asked}:", f" {d.chosen}", f" {d.rejected}") for d in self.told)
            return [of_plain(self.plain.tokenizer, *each) for each in texts]
        return [of_dialogue(self.plain.tokenizer, dialogue) for dialogue in self.told]

    @cached_property
    def logps(self) -> tuple[Any, Any]:
        with torch.no_grad():
            return self.plain.logps(self.pairs)

    @property
    def rows(self) -> list[dict[str, Any]]:
        if self.kind.template is None:
            return [
                {"prompt": f"{d.asked}:", "chosen": f" {d.chosen}", "rejected": f" {d.rejected}"} for d in self.told
            ]
        return [
            {"prompt": list(d.prompt)}
            | {side: [{"role": "assistant", "content": getattr(d, side)}] for side in ("chosen", "rejected")}
            for d in self.told
        ]

    @cached_property
    def stops(self) -> set[int]:
        return {self.plain.tokenizer.convert_tokens_to_ids(token) for token in self.kind.stops}

    def loaded(self, adapter: AdapterSettings | None = None) -> Any:
        return load_model(ModelSettings(str(self.bench.model), dtype="float32", device="cpu", adapter=adapter))

    def tokenised(self, tokenizer: Any) -> tuple[TokenisedPair, ...]:
        path = write_rows(self.bench.folder / "pairs.jsonl", self.rows)
        pairs = tokenise(load_preferences(DataSpec(str(path))).rows, tokenizer, TokeniseOptions(max_length=None)).pairs
        assert [(list(p.prompt_ids), list(p.chosen_ids), list(p.rejected_ids)) for p in pairs] == self.pairs
        return pairs

    def run(self, loss: str | None, source: str | None, output: str, **changes: Any) -> dict[str, Any]:
        """A whole job: one step over all pairs."""
        path = str(write_rows(self.bench.folder / "pairs.jsonl", self.rows))
        training = {"batchSize": PAIRS, "maxLength": None, "maxSteps": 1, "warmupRatio": 0.0, "metricsEvery": 1}
        changes["training"] = training | changes.get("training", {})
        data = {"train": {"path": path}, "heldOut": {"path": path}, "heldOutShare": None}
        return self.bench.run(output, loss, source=source, data=data, **changes)


def case_of(kind: Checkpoint, folder: Path, told: Sequence[Dialogue]) -> Case:
    return Case(kind, Bench(folder, kind.save(folder / "model")), told)


@pytest.fixture(scope="module", params=CHECKPOINTS, ids=str)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Pairs that all lie on one side of the border of Phi-3's rotary tables; others are below."""
    short = 3 if request.param.shape == "phi3" else 14
    return case_of(request.param, tmp_path_factory.mktemp("case"), dialogues(PAIRS, longest=short, seed=5))


@pytest.mark.parametrize("adapter", [None, LORA], ids=["whole", "adapter"])
def test_log_probabilities_are_those_of_each_sequence_alone(case: Case, adapter: AdapterSettings | None) -> None:
    loaded = case.loaded(adapter)
    scores = scorer_for(loaded.model).score_without_graph(case.tokenised(loaded.tokenizer))
    torch.testing.assert_close((scores.chosen, scores.rejected), case.logps, rtol=1e-4, atol=1e-3)
    assert float((case.logps[0] - case.logps[1]).abs().min()) > 0.05  # sides that are swapped would show


@pytest.mark.parametrize("micro_batch", [None, 3])
def test_the_first_loss_and_its_gradient_are_those_of_autograd(case: Case, micro_batch: int | None) -> None:
    chosen, rejected = case.plain.logps(case.pairs)
    policy = 2 * chosen - rejected
    reference = 0.5 * chosen.detach() - 0.2 * rejected.detach()
    loss = torch.nn.functional.softplus(BETA * (reference - policy) / 10).mean()
    expected = case.plain.gradient_norm(loss)
    result = case.run("asymmetric", LOSS, "first", training={"microBatchSize": micro_batch})
    assert result["losses"] == [pytest.approx(float(loss.detach()), rel=1e-4)]
    assert result["gradientNorms"] == [pytest.approx(expected, rel=1e-3)]


def test_the_first_loss_and_its_gradient_are_those_of_trl(case: Case, tmp_path: Path) -> None:
    pytest.importorskip("trl")
    from trl import DPOTrainer  # noqa: PLC0415
    from trl_runs import exact_config, in_order, logged_steps  # noqa: PLC0415

    config = exact_config(tmp_path, max_length=None, per_device_train_batch_size=PAIRS, max_steps=1, beta=BETA)
    plain = Plain.of(case.bench.model)
    _, (theirs,) = logged_steps(in_order(DPOTrainer), plain.model, plain.tokenizer, case.rows, config)
    result = case.run("dpo", None, "dpo")
    assert result["losses"] == [pytest.approx(float(theirs["loss"]), rel=1e-4)]
    assert result["gradientNorms"] == [pytest.approx(float(theirs["grad_norm"]), rel=1e-3)]
    for side, logps in zip(("chosen", "rejected"), case.logps, strict=True):
        assert result["metrics"][f"logps/{side}"] == pytest.approx(float(theirs[f"logps/{side}"]), rel=1e-4)
        assert result["metrics"][f"logps/{side}"] == pytest.approx(float(logps.mean()), rel=1e-4)


def asked(case: Case, plain: Plain) -> list[tuple[Question, list[list[int]]]]:
    """Questions with the greedy answers to each of their turns; a turn sees the answers before it."""
    tokenizer, found = plain.tokenizer, []
    for i, dialogue in enumerate(case.told):
        question = Question(i, [dialogue.asked, "why?"][: 1 + i % 2])
        messages: list[dict[str, str]] = []
        answers: list[list[int]] = []
        for turn in question.turns:
            messages.append({"role": "user", "content": turn})
            if case.kind.template is None:
                prompt = tokenizer("\n\n".join(message["content"] for message in messages)).input_ids
                prompt = prompt[:-1] if prompt[-1] == tokenizer.eos_token_id else prompt
            else:
                text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
                prompt = tokenizer(text, add_special_tokens=False).input_ids
            answers.append(plain.greedy(prompt, case.stops, LIMIT))
            said = tokenizer.decode([*prompt, *answers[-1]], skip_special_tokens=True)
            said = said[len(tokenizer.decode(prompt, skip_special_tokens=True)) :]
            messages.append({"role": "assistant", "content": said.strip()})
        found.append((question, answers))
    return found


def our_answers(loaded: Any, questions: Sequence[Question]) -> list[list[list[int]]]:
    engine = TransformersEngine(loaded.model, loaded.tokenizer)
    found = answer_questions(engine, loaded.tokenizer, questions, Plan(0.0, 1, 1), LIMIT)
    return [[list(answer.token_ids) for answer in turns] for (turns,) in found]


@pytest.mark.parametrize("adapter", [None, LORA], ids=["whole", "adapter"])
def test_greedy_answers_are_those_of_each_prompt_alone_and_end_where_a_turn_ends(
    case: Case, adapter: AdapterSettings | None
) -> None:
    loaded = case.loaded(adapter)
    assert stop_ids(loaded.model, loaded.tokenizer) == case.stops
    expected = asked(case, case.plain)
    assert our_answers(loaded, [question for question, _ in expected]) == [answers for _, answers in expected]
    ends = [answer[-1] in case.stops for _, answers in expected for answer in answers]
    assert any(ends)
    assert len({tuple(answer) for _, answers in expected for answer in answers}) > PAIRS / 2


@pytest.mark.parametrize("adapter", [None, LORA], ids=["whole", "adapter"])
def test_a_saved_model_is_the_one_that_was_evaluated(case: Case, adapter: AdapterSettings | None) -> None:
    """Its log-probabilities, its stops and its answers, as transformers loads it."""
    model = {"adapter": None if adapter is None else {"rank": 4, "alpha": 8}}
    output = "whole" if adapter is None else "adapter"
    result = case.run("dpo", None, output, model=model, save=True, training={"learningRate": 0.02})
    weights = Path(result["weights"])
    named = GenerationConfig.from_pretrained(weights).eos_token_id
    assert ({named} if isinstance(named, int) else set(named)) == case.stops
    saved = Plain.of(weights)
    with torch.no_grad():
        chosen, rejected = saved.logps(case.pairs)
    moved = BETA * ((chosen - case.logps[0]) - (rejected - case.logps[1]))
    assert result["heldOut"]["margin"]["value"] == pytest.approx(float(moved.mean()), rel=1e-3, abs=1e-4)
    assert float(moved.abs().max()) > 0.01
    assert json.loads((weights / "config.json").read_text())["tie_word_embeddings"] == case.kind.tied
    for prompt, *_ in case.pairs[:4]:
        ids = torch.tensor([prompt])
        how = {"do_sample": False, "max_new_tokens": LIMIT, "pad_token_id": 0, **WITHOUT_HABITS}
        alone = saved.model.generate(ids, attention_mask=torch.ones_like(ids), **how)
        assert alone[0, len(prompt) :].tolist() == saved.greedy(prompt, case.stops, LIMIT)
