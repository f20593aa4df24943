"""A pair's log-probabilities do not depend on its neighbours, also where a model's rotary tables depend on length."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_models import SIZES, Bench, bench, synthetic_rows, tiny_model, train_tokenizer, write_rows
from losslab_trainer.data.load import load_preferences
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.data.tokenise import TokenisedPair, TokeniseOptions, tokenise
from losslab_trainer.finetune import scoring
from losslab_trainer.finetune.classifier import Classifier
from losslab_trainer.finetune.generation import Plan, TransformersEngine
from losslab_trainer.finetune.models import checkpoint_gradients
from losslab_trainer.finetune.scoring import PairScorer
from losslab_trainer.finetune.sides import SidedScorer, borders_of, by_length, scorer_for, side_for_sampling, tried
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, Phi3Config, Phi3ForSequenceClassification

pytestmark = pytest.mark.slow

BORDER = 24
LONGROPE: dict[str, Any] = {
    **SIZES,
    "original_max_position_embeddings": BORDER,
    "rope_parameters": {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * 4,
        "long_factor": [4.0, 8.0, 16.0, 32.0],
        "original_max_position_embeddings": BORDER,
    },
}


def phi3(**changes: Any) -> Any:
    return tiny_model(train_tokenizer(["a b c"]), "phi3", **(LONGROPE | changes))


def pairs_about(border: int) -> list[TokenisedPair]:
    """Short, long, one answer on each side, and right at the border; one with a prompt for each side."""
    generator = torch.Generator().manual_seed(1)

    def draw(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(4, 200, (count,), generator=generator).tolist())

    sizes = [(4, 5, 6), (8, 30, 40), (6, 4, 50), (7, 33, 3), (border - 5, 5, 6), (border - 5, 6, 7), (30, 3, 9)]
    pairs = [TokenisedPair(i, draw(p), draw(c), draw(r)) for i, (p, c, r) in enumerate(sizes)]
    return [*pairs, TokenisedPair(len(pairs), draw(5), draw(6), draw(9), rejected_prompt_ids=draw(30))]


def alone(model: Any, prompt: tuple[int, ...], answer: tuple[int, ...]) -> float:
    """By plain transformers: one sequence, all but its last token encoded."""
    ids = prompt + answer
    with torch.no_grad():
        logits = model(torch.tensor([ids[:-1]]), use_cache=False).logits[0].log_softmax(-1)
    return sum(float(logits[k - 1, ids[k]]) for k in range(len(prompt), len(ids)))


def expected(model: Any, pairs: list[TokenisedPair]) -> tuple[list[float], list[float]]:
    chosen = [alone(model, pair.prompt_ids, pair.chosen_ids) for pair in pairs]
    return chosen, [alone(model, pair.rejected_prompt_ids or pair.prompt_ids, pair.rejected_ids) for pair in pairs]


@pytest.mark.parametrize("packed", [False, True], ids=["together", "in-packs"])
def test_every_pairs_values_are_those_of_its_sequences_alone(packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model, pairs = phi3(), pairs_about(BORDER)
    chosen, rejected = expected(model, pairs)
    if packed:
        monkeypatch.setattr(scoring, "CPU_PACK_TOKENS", 60)
    mixed = PairScorer(model).score_without_graph(pairs)
    assert float((mixed.chosen - torch.tensor(chosen)).abs().max()) > 1  # what goes wrong without sides
    scorer = scorer_for(model)
    assert scorer.way == "shared" and isinstance(scorer, SidedScorer)
    for order in (pairs, pairs[::-1]):
        scores = scorer.score_without_graph(order, statistics=True)
        step = 1 if order is pairs else -1
        assert scores.chosen.tolist()[::step] == pytest.approx(chosen, rel=1e-4)
        assert scores.rejected.tolist()[::step] == pytest.approx(rejected, rel=1e-4)
        # TRL's statistics have each scored token once.
        assert scores.tokens is not None
        counts = torch.bincount(scores.tokens[0], minlength=2 * len(order)).tolist()
        lengths = [len(pair.chosen_ids) for pair in order] + [len(pair.rejected_ids) for pair in order]
        assert counts == lengths and len(scores.tokens[1].entropy) == sum(lengths)


def gradient(model: Any, scorer: PairScorer, pairs: list[TokenisedPair]) -> Tensor:
    model.zero_grad()
    scores = scorer.score(pairs)
    weights = torch.linspace(0.2, 1, len(pairs))
    with scorer.backward_of(pairs):
        torch.autograd.backward((scores.chosen, scores.rejected), (weights, -weights.flip(0)))
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def test_gradients_are_those_of_each_sequence_alone_with_checkpoints_too() -> None:
    model, pairs = phi3(), pairs_about(BORDER)
    model.zero_grad()
    weights = torch.linspace(0.2, 1, len(pairs))
    for pair, up, down in zip(pairs, weights, weights.flip(0), strict=True):
        for prompt, answer, weight in (
            (pair.prompt_ids, pair.chosen_ids, up),
            (pair.rejected_prompt_ids or pair.prompt_ids, pair.rejected_ids, -down),
        ):
            ids = prompt + answer
            logits = model(torch.tensor([ids[:-1]]), use_cache=False).logits[0].log_softmax(-1)
            (weight * sum(logits[k - 1, ids[k]] for k in range(len(prompt), len(ids)))).backward()
    right = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    scorer = scorer_for(model)
    torch.testing.assert_close(gradient(model, scorer, pairs), right, rtol=0, atol=1e-4 * float(right.abs().max()))
    checkpoint_gradients(model)
    torch.testing.assert_close(gradient(model, scorer, pairs), right, rtol=0, atol=1e-4 * float(right.abs().max()))


def test_a_model_that_switches_without_saying_so_is_found_by_its_own_pairs() -> None:
    model, pairs = phi3(), pairs_about(BORDER)
    unaware = PairScorer(model)
    scorer = tried(unaware, pairs)
    assert isinstance(scorer, SidedScorer) and scorer.side is by_length
    chosen, rejected = expected(model, pairs)
    scores = scorer.score_without_graph(pairs)
    assert scores.chosen.tolist() == pytest.approx(chosen, rel=1e-4)
    assert scores.rejected.tolist() == pytest.approx(rejected, rel=1e-4)
    # One that does not switch, or none of whose pairs is long enough, is left as it is.
    assert tried(unaware, pairs[:1]) is unaware
    for shape in ("llama", "gemma2", "mamba"):
        plain = PairScorer(tiny_model(train_tokenizer(["a b c"]), shape))
        assert tried(plain, pairs) is plain
        assert type(scorer_for(plain.model)) is PairScorer
    known = scorer_for(model)
    assert tried(known, pairs) is known


def silent() -> Any:
    """A model that switches and whose configuration does not say so."""
    model = phi3()
    model.config = copy.deepcopy(model.config)
    model.config.rope_parameters["rope_type"] = "of its own"
    assert borders_of(model) == ()
    return model


def test_a_switch_that_only_trying_finds_holds_for_sampling_too() -> None:
    model, tokenizer = silent(), train_tokenizer(["a b c"])
    generator = torch.Generator().manual_seed(2)
    lengths = [5, BORDER - 4, BORDER + 6, 5, 8, BORDER + 6]
    prompts = [torch.randint(4, 200, (length,), generator=generator).tolist() for length in lengths]
    plan = Plan(0.0, 1, 1)
    alone = [TransformersEngine(model, tokenizer).complete([prompt], plan, 8)[0] for prompt in prompts]
    assert TransformersEngine(model, tokenizer).complete(prompts, plan, 8) != alone  # what goes wrong
    side = side_for_sampling(scorer_for(model), prompts, 8)
    assert side is by_length
    assert TransformersEngine(model, tokenizer, side).complete(prompts, plan, 8) == alone
    # A model that does not switch, or never gets so far, is left to its configuration; one that was tried is not again.
    assert side_for_sampling(scorer_for(tiny_model(tokenizer, "llama")), prompts, 8) is None
    assert side_for_sampling(scorer_for(model), [prompts[0]], 8) is None
    found = tried(scorer_for(model), pairs_about(BORDER))
    assert side_for_sampling(found, [], 8) is by_length


def test_a_judge_reads_each_text_as_if_it_were_alone() -> None:
    tokenizer = train_tokenizer(["a b c"])
    ids: dict[str, Any] = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": None, "eos_token_id": None}
    torch.manual_seed(0)
    model = Phi3ForSequenceClassification(Phi3Config(vocab_size=len(tokenizer), num_labels=1, **ids, **LONGROPE)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(0, 0.2)
    texts = [list(pair.prompt_ids + pair.chosen_ids) for pair in pairs_about(BORDER)]
    assert min(map(len, texts)) < BORDER < max(map(len, texts)) and BORDER in map(len, texts)
    with torch.no_grad():
        alone = [float(model(torch.tensor([text])).logits[0, 0]) for text in texts]
    judge = Classifier(model, tokenizer, None, "judge")
    assert judge.scores(texts) == pytest.approx(alone, abs=1e-4)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Some pairs of the job lie on either side of the border, some on both."""
    rope = LONGROPE["rope_parameters"] | {"original_max_position_embeddings": 38}
    changes = LONGROPE | {"rope_parameters": rope, "original_max_position_embeddings": 38}
    made = bench(tmp_path_factory.mktemp("sides"), "phi3", rows=80, **changes)
    write_rows(made.folder / "question.jsonl", [{"question_id": 1, "turns": ["the cat"]}])
    return made


@pytest.mark.parametrize("micro", [None, 3])
@pytest.mark.parametrize("adapter", [None, {"rank": 2}], ids=["whole", "adapter"])
def test_a_jobs_reference_is_that_of_plain_transformers_and_a_policy_that_does_not_move_stays_there(
    world: Bench, adapter: dict[str, Any] | None, micro: int | None
) -> None:
    asked: dict[str, Any] = {
        "model": {"adapter": adapter},
        "training": {"learningRate": 1e-12, "microBatchSize": micro},
    }
    result = world.run(**asked, questions=[str(world.folder / "question.jsonl")], klSamples=2)
    assert result["losses"] == pytest.approx([0.693147] * len(result["losses"]), abs=1e-4)
    assert abs(result["kl"]["value"]) < 1e-3 and abs(result["heldOut"]["margin"]["value"]) < 1e-4

    model = AutoModelForCausalLM.from_pretrained(world.model).eval()
    tokenizer = AutoTokenizer.from_pretrained(world.model)
    rows = load_preferences(DataSpec(str(world.folder / "pairs.jsonl"))).rows
    pairs = {pair.row: pair for pair in tokenise(rows, tokenizer, TokeniseOptions()).pairs}
    sides = set()
    for line in (world.folder / "out" / "held-out.jsonl").read_text().splitlines():
        row = json.loads(line)
        pair = pairs[row["row"]]
        chosen, rejected = [value[0] for value in expected(model, [pair])]
        assert row["referenceChosenLogps"] == pytest.approx(chosen, rel=1e-4)
        assert row["policyRejectedLogps"] == pytest.approx(rejected, rel=1e-4)
        sides |= {tuple(len(pair.prompt_ids + answer) > 39 for answer in (pair.chosen_ids, pair.rejected_ids))}
    assert {(False, False), (True, True)} < sides  # and pairs with an answer on each


def test_the_other_trainer_refuses_to_mix_sides(world: Bench) -> None:
    result = world.run("trl", trainer="trl")
    assert "trainer losslab" in result["problem"]


def test_pairs_longer_than_a_model_has_positions_are_refused_without_a_greatest_length_too(tmp_path: Path) -> None:
    """Dynamic rotary tables would depend on the longest sequence that was ever read."""
    dynamic: dict[str, Any] = {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}}
    made = bench(tmp_path, rows=20, **dynamic, max_position_embeddings=40)
    rows = synthetic_rows(20)
    rows[3]["chosen"][0]["content"] = " ".join(["the cat"] * 60)
    write_rows(made.folder / "pairs.jsonl", rows)
    for length in (None, 1024):
        assert "40 positions" in made.run(training={"maxLength": length}, data={"heldOutShare": 0})["problem"]
