"""The finetune job from its JSON to its files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_models import Bench, bench, loss_source, save_tiny, synthetic_rows, write_rows
from losslab_trainer import finetune_job
from losslab_trainer.contract import LossRejected
from losslab_trainer.data.load import load_preferences
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.data.tokenise import TokeniseOptions, tokenise
from losslab_trainer.finetune.evaluation import score_all
from losslab_trainer.finetune.models import load_model
from losslab_trainer.finetune.preparation import is_held_out, prepare
from losslab_trainer.finetune.scoring import PairScorer
from losslab_trainer.finetune.settings import ModelSettings
from transformers import AutoModelForCausalLM

pytestmark = pytest.mark.slow

PYTHON_PATH = Path(finetune_job.__file__).parents[1]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = bench(tmp_path_factory.mktemp("world"), rows=60)
    questions: list[dict[str, Any]] = [{"question_id": 1, "turns": ["the cat", "why"]}]
    questions.append({"question_id": "b", "turns": ["a dog runs"]})
    write_rows(made.folder / "question.jsonl", questions)
    return made


def per_pair(world: Bench, output: str) -> dict[int, tuple[float, float, float, float]]:
    """Policy's chosen and rejected log-probabilities, then the reference's, by row."""
    rows = [json.loads(line) for line in (world.folder / output / "held-out.jsonl").read_text().splitlines()]
    policy, reference = (
        ("policyChosenLogps", "policyRejectedLogps"),
        ("referenceChosenLogps", "referenceRejectedLogps"),
    )
    return {row["row"]: (*(row[name] for name in policy), *(row[name] for name in reference)) for row in rows}


def held_out_scores(world: Bench, folder: str | Path) -> dict[int, tuple[float, float]]:
    """Of the held-out pairs, under a model as a user would load it."""
    loaded = load_model(ModelSettings(str(folder), dtype="float32", device="cpu"))
    rows = load_preferences(DataSpec(str(world.folder / "pairs.jsonl"))).rows
    pairs = tokenise([row for row in rows if is_held_out(row, 0.2)], loaded.tokenizer, TokeniseOptions()).pairs
    chosen, rejected = score_all(PairScorer(loaded.model, way="padded"), pairs)
    return {pair.row: (c, r) for pair, c, r in zip(pairs, chosen.tolist(), rejected.tolist(), strict=True)}


def test_a_job_reports_what_it_trained_and_what_came_of_it(world: Bench) -> None:
    plans = [
        {"name": "sampled", "temperature": 0.7, "samples": 2},
        {"name": "greedy", "temperature": 0.0, "samples": 1},
    ]
    result = world.run(
        "all", questions=[str(world.folder / "question.jsonl")], sampling=plans, klSamples=2, training={"epochs": 2}
    )
    json.dumps(result, allow_nan=False)
    assert (
        result["steps"]
        == len(result["losses"])
        == len(result["gradientNorms"])
        == 2 * -(-result["data"]["usable"] // 16)
    )
    assert result["losses"][-1] < result["losses"][0]
    held_out = result["heldOut"]
    assert held_out["pairs"] == result["data"]["heldOut"] == 60 - result["data"]["usable"] > 5
    for name in ("accuracy", "margin", "chosenNll", "chosenNllChange"):
        assert held_out[name]["count"] == held_out["pairs"] and held_out[name]["standardError"] >= 0
    assert held_out["kl"]["count"] == 2 and "sampled from the policy" in held_out["kl"]["estimate"]
    assert held_out["lengthChange"]["unit"] == "tokens per answer"
    # The per-pair file holds what the means were taken over.
    rows = per_pair(world, "all")
    margins = [0.1 * ((pc - rc) - (pr - rr)) for pc, pr, rc, rr in rows.values()]
    assert held_out["margin"]["value"] == pytest.approx(sum(margins) / len(margins))
    assert held_out["accuracy"]["value"] == sum(margin > 0 for margin in margins) / len(margins)
    answers = [
        json.loads(line) for line in (world.folder / "all" / result["answers"]["sampled"]).read_text().splitlines()
    ]
    assert [row["question_id"] for row in answers] == [1, "b"]
    assert [[len(choice["turns"]) for choice in row["choices"]] for row in answers] == [[2, 2], [1, 1]]
    assert result["tokensPerSecond"] > 0 and result["peakMemoryBytes"] > 1 << 20 and result["way"] == "shared"


def test_the_reference_is_the_model_before_training(world: Bench) -> None:
    world.run("first")
    alone = held_out_scores(world, world.model)
    for row, (_, _, chosen, rejected) in per_pair(world, "first").items():
        assert (chosen, rejected) == pytest.approx(alone[row], rel=1e-5)


@pytest.mark.parametrize("adapter", [None, {"rank": 4, "alpha": 8}], ids=["whole", "adapter"])
def test_saved_weights_are_those_that_were_evaluated(world: Bench, adapter: dict[str, Any] | None) -> None:
    output = "saved-adapter" if adapter else "saved"
    result = world.run(output, model={"adapter": adapter}, save=True)
    weights = Path(result["weights"])
    assert (weights / "model.safetensors").is_file() and not list(weights.glob("*.bin"))
    found = held_out_scores(world, weights)
    moved = 0.0
    for row, (chosen, rejected, reference, _) in per_pair(world, output).items():
        assert found[row] == pytest.approx((chosen, rejected), rel=1e-4)
        moved = max(moved, abs(chosen - reference))
    assert moved > 0.05
    card = (weights / "README.md").read_text("utf-8")
    assert card.startswith("---\n") and "beta 0.1" in card and "def loss(" in card and "| accuracy |" in card


def test_without_a_loss_the_model_is_evaluated_as_it_is(world: Bench) -> None:
    plans = [{"name": "greedy", "temperature": 0.0, "samples": 1}]
    result = world.run("bare", loss=None, questions=[str(world.folder / "question.jsonl")], sampling=plans)
    assert (result["steps"], result["losses"], result["microBatchSize"]) == (0, [], None)
    assert result["heldOut"]["accuracy"] is None and result["heldOut"]["lengthChange"] is None
    assert result["heldOut"]["margin"]["value"] == 0 == result["heldOut"]["kl"]["value"]
    assert len((world.folder / "bare" / "answers-greedy.jsonl").read_text().splitlines()) == 2


def test_prompts_are_never_on_both_sides(tmp_path: Path) -> None:
    rows = synthetic_rows(40)
    doubled = [row | {"chosen": row["rejected"], "rejected": row["chosen"]} for row in rows]
    path = write_rows(tmp_path / "pairs.jsonl", [*rows, *doubled])
    tokenizer = load_model(ModelSettings(str(save_tiny(tmp_path / "model")), device="cpu")).tokenizer
    spec = {"train": {"path": str(path)}, "heldOutShare": 0.3}
    data = prepare(spec, tokenizer, TokeniseOptions())
    train, held_out = ({pair.prompt_ids for pair in side} for side in (data.train, data.held_out))
    assert train and held_out and not train & held_out
    assert len(data.train) + len(data.held_out) == 80
    # A held-out set of its own is taken as it is, and what it shares is told.
    assert (
        prepare({"train": spec["train"], "heldOut": spec["train"]}, tokenizer, TokeniseOptions()).shared_prompts == 40
    )
    assert prepare({"train": spec["train"], "heldOutShare": 0}, tokenizer, TokeniseOptions()).held_out == ()


def test_the_other_trainer_gives_the_same_training(world: Bench) -> None:
    ours = world.run("ours", loss="aql")
    for name, changes in {"trl": {}, "trl-parts": {"training": {"microBatchSize": 4}}}.items():
        theirs = world.run(name, loss="aql", trainer="trl", **changes)
        assert theirs["losses"] == pytest.approx(ours["losses"], rel=1e-5)
        assert theirs["gradientNorms"] == pytest.approx(ours["gradientNorms"], rel=1e-4)
        assert theirs["heldOut"]["margin"]["value"] == pytest.approx(ours["heldOut"]["margin"]["value"], rel=1e-3)
        names = {
            "loss",
            "rewards/margins",
            "rewards/chosen",
            "logps/chosen",
            "grad_norm",
            "learning_rate",
            "num_tokens",
        }
        for metric in names:
            assert theirs["metrics"][metric] == pytest.approx(ours["metrics"][metric], rel=1e-3), metric


@pytest.mark.parametrize("shape", ["gemma2", "mamba"])  # the others: finetune_doors_test.py
def test_other_shapes_train_save_and_load(shape: str, tmp_path: Path) -> None:
    made = bench(tmp_path, shape, rows=24)
    result = made.run(save=True, training={"batchSize": 8})
    assert result["way"] == ("padded" if shape == "mamba" else "shared")
    found = held_out_scores(made, result["weights"])
    for row, (chosen, rejected, reference, _) in per_pair(made, "out").items():
        assert found[row] == pytest.approx((chosen, rejected), rel=1e-4)
        assert chosen != pytest.approx(reference, rel=1e-6)


def test_shards_and_tied_weights_load_and_save(world: Bench, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(world.model)
    assert model.config.tie_word_embeddings
    model.save_pretrained(tmp_path / "sharded", max_shard_size="40KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 1
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / "sharded" / name).write_bytes((world.model / name).read_bytes())
    whole = world.run("whole", save=True)
    sharded = world.run("sharded", model={"path": str(tmp_path / "sharded")})
    assert sharded["weightsHash"] == whole["weightsHash"]
    saved = AutoModelForCausalLM.from_pretrained(whole["weights"])
    assert saved.get_output_embeddings().weight is saved.get_input_embeddings().weight


def test_sixteen_bits_train_weights_that_stay_in_thirty_two(world: Bench) -> None:
    result = world.run("bf16", model={"dtype": "bfloat16"}, training={"learningRate": 1e-4}, save=True)
    exact = world.run("fp32", training={"learningRate": 1e-4})
    assert result["dtype"] == "bfloat16"
    assert result["losses"] == pytest.approx(exact["losses"], rel=0.02)
    assert AutoModelForCausalLM.from_pretrained(result["weights"]).dtype == torch.float32


def test_a_loss_that_is_refused_or_diverges_is_rejected(world: Bench) -> None:
    with pytest.raises(LossRejected, match="forbidden"):
        world.run("refused", source="import os\n" + loss_source("dpo"))
    with pytest.raises(LossRejected, match="diverged"):
        world.run("diverged", training={"learningRate": 30.0, "epochs": 10, "warmupRatio": 0.0})


PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"model": {"path": "/nowhere/model"}}, "no such folder"),
    ({"model": {"path": "someone/absent-model"}}, "Hub"),
    ({"model": {"flavour": 1}}, "unknown key 'flavour'"),
    ({"model": {"device": "cuda"}}, "finds none here"),
    ({"model": {"quantization": "4bit"}}, "add an adapter"),
    ({"model": {"quantization": "4bit", "adapter": {}}}, "pip install bitsandbytes"),
    ({"model": {"adapter": {"targetModules": ["absent"]}}}, "targetModules"),
    ({"model": {"chatTemplate": "absent"}}, "no chat template 'absent'"),
    ({"training": {"schedule": "steep"}}, "cosine, linear, constant"),
    ({"training": {"batchSize": 0}}, "batchSize"),
    ({"training": {"maxLength": 5}}, "no pair is left"),
    ({"data": {"heldOutShare": 1.5}}, "heldOutShare"),
    ({"data": {"train": {"path": "/nowhere.jsonl"}}}, "/nowhere.jsonl"),
    ({"questions": ["/nowhere/question.jsonl"]}, "question"),
    ({"trackers": ["paper"]}, "tensorboard, wandb"),
    ({"trainer": "other"}, "losslab, trl"),
    ({"trainer": "trl", "training": {"batchSize": 16, "microBatchSize": 5}}, "multiple"),
]


@pytest.mark.parametrize(("changes", "words"), PROBLEMS, ids=[words for _, words in PROBLEMS])
def test_what_cannot_be_used_is_named_in_one_sentence(world: Bench, changes: dict[str, Any], words: str) -> None:
    if "bitsandbytes" in words and _installed("bitsandbytes"):
        pytest.skip("bitsandbytes is installed")
    result = world.run("problem", **changes)
    assert set(result) == {"problem"}
    assert words in result["problem"] and "\n" not in result["problem"]


def _installed(package: str) -> bool:
    from importlib.util import find_spec  # noqa: PLC0415

    return find_spec(package) is not None


def test_the_job_runs_in_the_worker_with_its_loss_locked_down(world: Bench, tmp_path: Path) -> None:
    worker = os.environ.get("LOSSLAB_WORKER")
    if worker is None:
        pytest.skip("no worker: set LOSSLAB_WORKER to a built losslab-worker")
    expected = world.run("here", loss="aql")
    jobs = [
        world.job("there", loss="aql") | {"version": 1, "id": "a"},
        world.job("bad", model={"path": "/nowhere/model"}) | {"version": 1, "id": "b"},
    ]
    run = subprocess.run(
        [worker, "trainer", "--venv", sys.prefix, "--python-path", str(PYTHON_PATH)],
        input="".join(json.dumps(job) + "\n" for job in jobs) + '{"version":1,"kind":"shutdown"}\n',
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    reports = {event["id"]: event for event in map(json.loads, run.stdout.splitlines()) if event["event"] == "report"}
    result = reports["a"]["result"]
    assert result["losses"] == pytest.approx(expected["losses"], rel=1e-6)
    assert result["weightsHash"] == expected["weightsHash"]
    assert "no such folder" in reports["b"]["result"]["problem"]
