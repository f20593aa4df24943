"""Phi-3's rotary tables are others beyond a border: each sequence by its own length, whatever is beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

from independent_checkpoints import BORDER, Checkpoint  # noqa: E402
from independent_computation import Plain, Sides, of_plain  # noqa: E402
from losslab_trainer.data.tokenise import TokenisedPair  # noqa: E402
from losslab_trainer.finetune.generation import Plan, TransformersEngine  # noqa: E402
from losslab_trainer.finetune.models import load_model  # noqa: E402
from losslab_trainer.finetune.settings import ModelSettings  # noqa: E402
from losslab_trainer.finetune.sides import SidedScorer, borders_of, by_borders, scorer_for  # noqa: E402

KIND = Checkpoint("phi3", "bpe", "nothing", "its own", "roles", tied=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return KIND.save(tmp_path_factory.mktemp("phi3") / "model")


def loaded(folder: Path) -> Any:
    return load_model(ModelSettings(str(folder), dtype="float32", device="cpu"))


def drawn(prompt: int, chosen: int, rejected: int) -> Sides:
    """Ids of these lengths."""
    generator = torch.Generator().manual_seed(prompt * 1000 + chosen * 31 + rejected)
    sides = (torch.randint(20, 300, (count,), generator=generator).tolist() for count in (prompt, chosen, rejected))
    return next(sides), next(sides), next(sides)


# Lengths of prompt, chosen and rejected answer.
LENGTHS = {
    "all below": [(10, 8, 12), (20, 9, 3)],
    "all beyond": [(BORDER, 8, 12), (BORDER - 4, 30, 20)],
    "up to the border": [(10, BORDER - 10, 5), (20, 9, BORDER - 20)],
    "one token beyond": [(10, BORDER - 9, BORDER - 9), (BORDER - 1, 2, 2)],
    "one pair beyond": [(10, 8, 12), (BORDER, 8, 12), (20, 9, 3)],
    "one side beyond": [(10, 8, BORDER), (BORDER - 8, 30, 3)],
}


@pytest.mark.parametrize("name", LENGTHS)
def test_log_probabilities_are_those_of_each_sequence_alone(folder: Path, name: str) -> None:
    pairs = [drawn(*lengths) for lengths in LENGTHS[name]]
    with torch.no_grad():
        expected = Plain.of(folder).logps(pairs)
    ours = [TokenisedPair(i, tuple(p), tuple(c), tuple(r)) for i, (p, c, r) in enumerate(pairs)]
    model = loaded(folder).model
    assert borders_of(model) == (BORDER,)
    for way in ("shared", "shared, own head", "padded"):
        scores = SidedScorer(model, by_borders((BORDER,)), way=way).score_without_graph(ours)
        torch.testing.assert_close((scores.chosen, scores.rejected), expected, rtol=1e-4, atol=1e-3)


def test_trl_lets_a_long_pair_move_its_neighbours(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("trl")
    from trl import DPOTrainer  # noqa: PLC0415
    from trl_runs import exact_config, in_order, logged_steps  # noqa: PLC0415

    plain = Plain.of(folder)
    plain.tokenizer.chat_template = None
    rows = [{"prompt": "a cat:", "chosen": " runs" * count, "rejected": " sees"} for count in (4, BORDER, 6)]
    pairs = [of_plain(plain.tokenizer, *row.values()) for row in rows]
    with torch.no_grad():
        expected = plain.logps(pairs)
    config = exact_config(tmp_path, max_length=None, per_device_train_batch_size=3)
    _, (step,) = logged_steps(in_order(DPOTrainer), Plain.of(folder).model, plain.tokenizer, rows, config)
    alone = float(expected[0].mean())
    assert abs(float(step["logps/chosen"]) - alone) > 0.5
    ours = [TokenisedPair(i, tuple(p), tuple(c), tuple(r)) for i, (p, c, r) in enumerate(pairs)]
    scores = scorer_for(loaded(folder).model).score_without_graph(ours)
    assert float(scores.chosen.mean()) == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize(
    "lengths",
    [(12, 30), (BORDER + 4, BORDER + 9), (12, BORDER + 9), (12, 20, BORDER - 3), (BORDER - 9, BORDER - 3, BORDER)],
)
def test_greedy_answers_are_those_of_each_prompt_alone(folder: Path, lengths: tuple[int, int]) -> None:
    """Also where a long prompt is beside a short one, and where an answer crosses the border."""
    plain, ours = Plain.of(folder), loaded(folder)
    prompts = [drawn(length, 1, draw)[0] for length in lengths for draw in range(6)]
    stops = {plain.tokenizer.convert_tokens_to_ids(token) for token in KIND.stops}
    expected = [plain.greedy(prompt, stops, 16) for prompt in prompts]
    assert max(map(len, expected)) > 8
    assert TransformersEngine(ours.model, ours.tokenizer).complete(prompts, Plan(0.0, 1, 1), 16) == expected
