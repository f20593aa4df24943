"""Fine-tuning against TRL's DPOTrainer: same model, pairs, order and hyper-parameters, fp32, twenty steps."""

from __future__ import annotations

import copy
import gzip
import inspect
import json
import random
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_models import REAL, loss_source, synthetic_rows, tiny_model, train_tokenizer, write_rows
from losslab_trainer.data.load import load_preferences
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.data.tokenise import TokenisedPair, TokeniseOptions, tokenise
from losslab_trainer.finetune import loop
from losslab_trainer.finetune.evaluation import score_all
from losslab_trainer.finetune.scoring import PairScorer
from losslab_trainer.finetune.settings import TrainingSettings
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.reference_cache import ReferenceLogps
from trl_runs import exact_config, in_order, logged_steps

pytestmark = pytest.mark.slow

STEPS, BATCH, RATE, WARM_UP, MAX_LENGTH = 20, 4, 2e-4, 0.15, 96
# Our file, TRL's name, the beta of both, and TRL's label smoothing.
CASES = [
    ("dpo", "sigmoid", 0.1, 0.0),
    ("slic", "hinge", 0.1, 0.0),
    ("ipo", "ipo", 0.1, 0.0),
    ("robust", "robust", 0.1, 0.1),
    ("exo_pair", "exo_pair", 0.1, 1e-3),
    ("nca_pair", "nca_pair", 0.1, 0.0),
    ("sppo_hard", "sppo_hard", 0.1, 0.0),
    ("apo_zero", "apo_zero", 0.1, 0.0),
    ("apo_down", "apo_down", 0.1, 0.0),
    ("aot", "aot", 0.1, 0.0),
    ("lrml", "discopop", 0.05, 0.0),
]


@dataclass(frozen=True)
class World:
    """A tiny Llama, rows and the pairs made of them."""

    model: Any
    tokenizer: Any
    rows: list[dict[str, Any]]
    pairs: tuple[TokenisedPair, ...]
    reference: ReferenceLogps

    @staticmethod
    def of(rows: list[dict[str, Any]], folder: Path) -> World:
        texts = [message["content"] for row in rows for side in row.values() for message in side]
        tokenizer = train_tokenizer(texts, 600)
        model = tiny_model(tokenizer, spread=0.1, max_position_embeddings=512)
        loaded = load_preferences(DataSpec(str(write_rows(folder / "rows.jsonl", rows)))).rows
        pairs = tokenise(loaded, tokenizer, TokeniseOptions(max_length=MAX_LENGTH)).pairs[: STEPS * BATCH]
        kept = [rows[pair.row] for pair in pairs]
        chosen, rejected = score_all(PairScorer(model), pairs)
        return World(model, tokenizer, kept, pairs, ReferenceLogps(chosen, rejected))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Rows of every real set, where they are there."""
    if not REAL.is_dir():
        pytest.skip(f"no real preferences at {REAL}")
    rows: list[dict[str, Any]] = []
    for path in sorted(REAL.glob("*/test.jsonl.gz")):
        found = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
        rows += [{name: row[name] for name in ("prompt", "chosen", "rejected")} for row in found[:120]]
    random.Random(0).shuffle(rows)
    return World.of(rows, tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.of(synthetic_rows(STEPS * BATCH + 20), tmp_path_factory.mktemp("synthetic"))


def trl_history(world: World, loss: str, beta: float, smoothing: float, folder: Path) -> Any:
    from trl import DPOTrainer  # noqa: PLC0415
    from trl.trainer import dpo_trainer  # noqa: PLC0415

    trainer_class = in_order(DPOTrainer)
    if loss == "ipo":
        # Ours is on summed log-probabilities: TRL's own code without its division by the completions' lengths.
        text = textwrap.dedent(inspect.getsource(DPOTrainer._compute_loss))
        for side in ("chosen", "rejected"):
            divided = f"{side}_scores / {side}_mask.sum(dim=1).clamp(min=1.0)"
            assert text.count(divided) == 2  # the other is sigmoid_norm's
            text = text.replace(divided, f"{side}_scores", 1)
        namespace: dict[str, Any] = {}
        exec(text, vars(dpo_trainer), namespace)
        trainer_class._compute_loss = namespace["_compute_loss"]
    config = exact_config(
        folder,
        loss_type=[loss],
        beta=beta,
        label_smoothing=smoothing,
        precompute_ref_log_probs=True,
        max_length=MAX_LENGTH,
        learning_rate=RATE,
        per_device_train_batch_size=BATCH,
        warmup_steps=WARM_UP,
        lr_scheduler_type="cosine",
        weight_decay=0.1,
    )
    _, steps = logged_steps(trainer_class, copy.deepcopy(world.model), world.tokenizer, world.rows, config)
    return steps


def our_history(world: World, loss: str, beta: float) -> tuple[list[dict[str, float]], loop.Outcome]:
    steps: list[dict[str, float]] = []
    outcome = loop.train(
        PairScorer(copy.deepcopy(world.model)),
        world.pairs,
        world.reference,
        InProcessLoss(loss_source(loss)),
        beta=beta,
        settings=TrainingSettings(
            RATE, BATCH, BATCH, warmup_ratio=WARM_UP, weight_decay=0.1, shuffle=False, metrics_every=1
        ),
        on_metrics=lambda _, values: steps.append(dict(values)),
    )
    return steps, outcome


def assert_equal(world: World, folder: Path, case: tuple[str, str, float, float]) -> None:
    ours, theirs, beta, smoothing = case
    expected = trl_history(world, theirs, beta, smoothing, folder)
    found, outcome = our_history(world, ours, beta)
    assert len(found) == len(expected) == len(outcome.losses) == STEPS
    for step, (mine, trl) in enumerate(zip(found, expected, strict=True)):
        assert outcome.losses[step] == pytest.approx(float(trl["loss"]), rel=1e-4), step
        assert outcome.gradient_norms[step] == pytest.approx(float(trl["grad_norm"]), rel=1e-4), step
        assert mine["learning_rate"] == pytest.approx(float(trl["learning_rate"]), rel=1e-6), step
        assert mine["num_tokens"] == float(trl["num_tokens"]), step
        # Every name that TRL logs about the batch, and the same value; ties in the first steps are rounding's to break.
        names = set(trl) - {"loss", "grad_norm", "epoch", "step", "learning_rate", "num_tokens"}
        assert names <= set(mine)
        for name in names - ({"rewards/accuracies"} if step < 2 else set()):
            assert mine[name] == pytest.approx(float(trl[name]), rel=1e-3, abs=2e-4), (step, name)
    assert outcome.losses[-1] != pytest.approx(outcome.losses[0], rel=1e-3)


@pytest.mark.parametrize("case", CASES, ids=[case[1] for case in CASES])
def test_loss_gradient_norm_and_metrics_are_those_of_trl_on_real_pairs(
    real: World, tmp_path: Path, case: tuple[str, str, float, float]
) -> None:
    assert_equal(real, tmp_path, case)


def test_loss_gradient_norm_and_metrics_are_those_of_trl_on_made_up_pairs(synthetic: World, tmp_path: Path) -> None:
    assert_equal(synthetic, tmp_path, CASES[0])


def test_the_real_pairs_are_cut_somewhere(real: World) -> None:
    lengths = [len(pair.prompt_ids) + len(pair.chosen_ids) for pair in real.pairs]
    assert MAX_LENGTH in lengths and min(lengths) < MAX_LENGTH
    torch.testing.assert_close(torch.isfinite(real.reference.chosen).all(), torch.tensor(True))
