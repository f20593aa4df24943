"""Plots of losses: the curves are the formulas, extrema are where they should be, pictures can be repeated."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from losslab_trainer import train_job
from losslab_trainer.contract import LossRejected, LossValues
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.plotting import job as plot_job
from losslab_trainer.plotting.curves import grid, profile
from losslab_trainer.screening.job import measuring_in_process
from losslab_trainer.workspace import Workspace
from torch import Tensor

LOSSES = Path(__file__).parent.parent.parent / "losses"
BETA = 0.05
HEAD = "import torch\ndef loss(pc, pr, rc, rr, beta):\n    "
NAMED_HEAD = (
    "import torch\n\n\ndef loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, "
    "reference_rejected_logps, beta):\n    "
)


class MeasuredLoss(InProcessLoss):
    """Takes the loss process's keyword; in this process nothing is checked anyway."""

    def evaluate(self, *vectors: Any, allow_nonfinite: bool = False, **options: Any) -> LossValues:
        return super().evaluate(*vectors, **options)


def catalogue(name: str) -> str:
    return next(LOSSES.glob(f"*/{name}.py")).read_text()


def measured(source: str, rho: Tensor) -> Any:
    return profile(measuring_in_process(InProcessLoss(source)), rho, BETA)


def plotted(*names: str, cache: Path = Path("/nowhere"), **changes: Any) -> dict[str, Any]:
    """The result of a plot job without training, of catalogue losses or of texts."""
    sources = [catalogue(name) if name.isidentifier() else name for name in names]
    losses = [
        {"name": name if name.isidentifier() else f"loss{i}", "source": source, "beta": BETA}
        for i, (name, source) in enumerate(zip(names, sources, strict=True))
    ]
    return plot_job.plot({"losses": losses, "data": False, "world": ""} | changes, context(cache))


def context(cache: Path) -> Any:
    return SimpleNamespace(
        loss_processes=SimpleNamespace(open=MeasuredLoss),
        cache_directory=cache,
        emit_metrics=lambda step, values: None,
        sandbox={},
    )


def test_dpos_curves_are_its_formulas() -> None:
    rho = grid(-80.0, 120.0)
    found = measured(catalogue("dpo"), rho)
    assert torch.allclose(found.main.values, torch.log1p(torch.exp(-BETA * rho)), atol=1e-12)
    assert torch.allclose(found.main.slopes, -BETA / (1 + torch.exp(BETA * rho)), atol=1e-12)
    assert found.others == []


def test_lrmls_minimum_and_maximum_are_where_its_paper_has_them() -> None:
    result = plotted("lrml", range=10.0)["losses"][0]
    rho, slope = torch.tensor(result["rho"]), torch.tensor(result["slope"])
    turns = (slope[:-1].sign() != slope[1:].sign()).nonzero().flatten()
    assert [float(rho[i]) for i in turns] == pytest.approx([-2.3714, 1.4401], abs=float(rho.diff().max()))
    values = torch.tensor(result["f"])
    minimum, maximum = (int(i) for i in turns)
    assert values[minimum - 5] > values[minimum] < values[minimum + 5]
    assert values[maximum - 5] < values[maximum] > values[maximum + 5]


def test_a_slope_is_the_derivative_of_its_curve_even_where_a_loss_couples_its_batch() -> None:
    rho = torch.linspace(-30, 30, 401, dtype=torch.float64)
    away = rho[1:-1].abs() > 0.2  # where kto_pair's clamped means have a corner
    for name in ("kto_pair", "dbaql", "aot", "rpo"):
        found = measured(catalogue(name), rho)
        for curve in [found.main, *found.others]:
            if name == "aot" and "mixed" in curve.way:
                continue  # its slope jumps where the pair changes places with another
            differences = (curve.values[2:] - curve.values[:-2]) / (rho[2:] - rho[:-2])
            assert torch.allclose(differences[away], curve.slopes[1:-1][away], rtol=1e-3, atol=1e-5), (name, curve.way)


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("dpo", []),
        ("ipo", []),
        ("no_reference", ["reference"]),
        ("rpo", ["chosen", "rejected", "reference"]),
        ("aot", ["one"]),
        ("kto_pair", ["chosen", "rejected", "one"]),
    ],
)
def test_a_loss_of_more_than_rho_is_told_by_the_ways_that_change_it(name: str, ways: list[str]) -> None:
    found = measured(catalogue(name), grid(-50.0, 50.0))
    assert [other.way.split()[0] for other in found.others] == ways


def test_a_loss_that_takes_float32_alone_is_measured_in_it() -> None:
    source = HEAD + "return torch.mv(torch.eye(len(pc)), beta * ((pc - pr) - (rc - rr)))"
    found = measured(source, grid(-10.0, 10.0))
    assert torch.allclose(found.main.slopes, torch.full_like(found.rho, BETA), rtol=1e-4)
    assert found.others == []


def test_what_is_not_finite_is_left_out_and_nothing_but_that_is_rejected() -> None:
    half = plotted(NAMED_HEAD + "return torch.sqrt(policy_chosen_logps - reference_chosen_logps)", range=10.0)
    values = half["losses"][0]["f"]
    assert values[0] is None and values[-1] == pytest.approx(5.0**0.5)
    with pytest.raises(LossRejected, match="loss0: no finite"):
        plotted(NAMED_HEAD + "return policy_chosen_logps / 0")


def test_a_loss_that_the_gate_refuses_is_rejected_by_name_and_line() -> None:
    with pytest.raises(LossRejected, match="loss1: import os") as rejected:
        plotted("dpo", "import os\n" + NAMED_HEAD + "return policy_chosen_logps")
    assert (rejected.value.code, rejected.value.line) == ("forbidden", 1)


def test_a_picture_is_the_same_bytes_twice(tmp_path: Path) -> None:
    for ending, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        files = [tmp_path / f"{i}.{ending}" for i in range(2)]
        for file in files:
            plotted("dpo", "no_reference", output=str(file), cache=tmp_path)
        assert files[0].read_bytes() == files[1].read_bytes()
        assert files[0].read_bytes().startswith(start)


def test_every_margin_is_counted_once_also_beyond_what_is_shown() -> None:
    margins = torch.tensor([-100.0, -10.0, -9.99, 0.0, 10.0, 55.0])
    edges = plot_job.bin_edges((-10.0, 10.0), (-100.0, 55.0))
    counts = plot_job.histogram(margins, edges)
    assert (counts[0], counts[1], counts[-1], sum(counts)) == (1, 2, 2, len(margins))
    assert len(counts) == len(edges) - 1


@pytest.mark.slow
def test_the_histogram_holds_the_pairs_of_a_training_and_two_plots_are_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from losslab_trainer.policy import save_policy  # noqa: PLC0415 (imports transformers)
    from tiny_policy import random_pairs, tiny_policy  # noqa: PLC0415

    monkeypatch.setattr(train_job, "_workspace", Workspace())
    save_policy(tiny_policy(layers=1, width=32), tmp_path / "policy")
    text = "".join(json.dumps(row) + "\n" for row in random_pairs(128))
    (tmp_path / "pairs.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    training = {"learningRate": 1e-2, "batchSize": 8, "epochs": 1, "warmupSteps": 2, "maxGradientNorm": 1.0}
    job = {
        "losses": [{"name": name, "source": catalogue(name), "beta": BETA} for name in ("dpo", "zero")],
        "world": "tiny",
        "data": True,
        "policy": str(tmp_path / "policy"),
        "pairs": {"path": str(tmp_path / "pairs.jsonl.gz"), "count": 96},
        "training": training | {"seed": 1, "logpScale": 2.0},
    }
    files = [tmp_path / "one.svg", tmp_path / "two.svg"]
    results: list[Any] = [plot_job.plot(job | {"output": str(file)}, context(tmp_path / "cache")) for file in files]
    assert results[0] == results[1] and files[0].read_bytes() == files[1].read_bytes()
    dpo, zero = results[0]["losses"]
    assert sum(dpo["counts"]) == sum(zero["counts"]) == 96
    middles = [(low + high) / 2 for low, high in zip(results[0]["edges"], results[0]["edges"][1:], strict=False)]
    mean = sum(count * middle for count, middle in zip(dpo["counts"], middles, strict=True)) / 96
    assert mean > 1
    narrow = results[0]["edges"][1] - results[0]["edges"][0]
    assert {abs(middle) < narrow for count, middle in zip(zero["counts"], middles, strict=True) if count} == {True}
