"""The dynamic probe and the measured shape, on trusted losses; and the check job through real loss processes."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import torch
from losslab_trainer.contract import REJECTION_CODES, LossRejected
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.loss_process import LossProcesses
from losslab_trainer.screening import header, inputs
from losslab_trainer.screening.forms import to_file_form
from losslab_trainer.screening.job import check, import_loss, measured_result, measuring_in_process
from losslab_trainer.screening.probe import ProbeReport, probe
from losslab_trainer.screening.shape import Shape, shape

if TYPE_CHECKING:
    from losslab_trainer.serve import Context

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROOT = Path(__file__).resolve().parents[2]
LOSSES = {path.stem: path for path in sorted((ROOT / "losses").glob("*/*.py"))}
CONTROLS = {"zero", "sign_flipped", "linear", "no_reference"}
NAMES = "policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps"
RHO = "    rho = policy_chosen_logps - policy_rejected_logps - reference_chosen_logps + reference_rejected_logps\n"


def written(body: str, before: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return to_file_form(f"import torch\n{before}\ndef f({NAMES}, beta):\n{RHO}{lines}").source


def probed(source: str, *, control: bool = False) -> ProbeReport:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return probe(measuring_in_process(InProcessLoss(source)), control=control)


def measured(name: str) -> Shape:
    found = shape(measuring_in_process(InProcessLoss(LOSSES[name].read_text())))
    assert found is not None
    return found


@cache
def report_on(name: str) -> ProbeReport:
    return probed(LOSSES[name].read_text(), control=name in CONTROLS)


@pytest.mark.parametrize("name", LOSSES)
def test_accepts_the_catalogue_with_a_measured_value_for_each_check(name: str) -> None:
    report = report_on(name)
    assert report.rejections == []
    assert len(report.checks) >= 15 and all(check.measured for check in report.checks)
    assert [c.name for c in report.checks if not c.passed and c.required] == []


@pytest.mark.parametrize("name", ["zero", "sign_flipped"])
def test_controls_without_a_right_gradient_are_refused_unless_said_to_be_controls(name: str) -> None:
    refused = probed(LOSSES[name].read_text())
    assert [r.code for r in refused.rejections] == ["constant" if name == "zero" else "gradient"]
    assert any(c.name.startswith("gradient-") and not c.passed and not c.required for c in report_on(name).checks)


@pytest.mark.parametrize("name", ["exponential", "cell", "dbaql", "lrml"])
def test_overflow_beyond_fifty_is_measured_and_not_refused(name: str) -> None:
    checks = {check.name: check for check in report_on(name).checks}
    assert checks["finite-extreme"].passed and "1000" in checks["finite-extreme"].measured
    assert not checks["finite-beyond"].passed and not checks["finite-beyond"].required
    assert "beta * rho = -" in checks["finite-beyond"].measured


@pytest.mark.parametrize("name", ["dbaql_discovered", "aqfl_discovered"])
def test_a_batch_of_one_may_be_nan_where_larger_batches_are_finite(name: str) -> None:
    checks = {check.name: check for check in report_on(name).checks}
    assert not checks["finite-batch-1"].passed and "NaN" in checks["finite-batch-1"].measured
    assert checks["finite-batch-2"].passed
    corrected = {check.name: check for check in report_on(name.removesuffix("_discovered")).checks}
    assert corrected["finite-batch-1"].passed


BAD = {
    "scalar": ("return rho.max()", "shape", "shape-64"),
    "two columns": ("return torch.stack((rho, rho), dim=1)", "shape", "shape-64"),
    "twice as long": ("x = torch.cat((rho, rho), 0)\nreturn x * 1", "shape", "shape-64"),
    "a number": ("return 1.0", "type", "shape-64"),
    "a list": ("return [rho, rho]", "type", "shape-64"),
    "float64": ("return rho.double()", "dtype", "shape-64"),
    "integers": ("return (rho > 0).long()", "dtype", "shape-64"),
    "exception": ("return rho + torch.zeros(3)", "exception", "shape-64"),
    "fixed batch size": ("return rho * torch.ones(64)", "exception", "shape-2"),
    "nothing for a single pair": ("return rho[1:] if rho.numel() == 1 else rho * -beta", "shape", "shape-1"),
    "NaN everywhere": ("return torch.log(-rho.abs() - 1) * beta", "nonfinite", "finite-realistic"),
    "square root of rho": ("return torch.sqrt(rho)", "nonfinite", "finite-realistic"),
    "norm without derivative at 0": ("return -torch.sqrt(rho ** 2) * rho.sign()", "nonfinite", "finite-start"),
    "standardised": ("return -(rho - rho.mean()) / rho.std()", "nonfinite", "finite-start"),
    "exponential of rho": ("return torch.exp(-rho)", "nonfinite", "finite-realistic"),
    "naive logistic": ("return torch.log(torch.exp(-2 * beta * rho) + 1)", "nonfinite", "finite-extreme"),
    "reciprocal": ("return 1 / rho", "nonfinite", "finite-start"),
    "constant": ("return torch.ones(rho.shape)", "constant", "gradient-exists"),
    "detached": ("return -beta * rho.detach()", "gradient", "gradient-exists"),
    "reference only": ("return reference_chosen_logps * beta", "constant", "gradient-exists"),
    "reversed": ("return beta * rho", "gradient", "gradient-direction"),
    "forgets chosen": ("return beta * policy_chosen_logps", "gradient", "gradient-direction"),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses_naming_the_check(name: str) -> None:
    body, code, failed = BAD[name]
    report = probed(written(body))
    assert code in [r.code for r in report.rejections], [str(r) for r in report.rejections]
    assert failed in [c.name for c in report.checks if not c.passed and c.required]
    assert all(r.code in REJECTION_CODES and r.message for r in report.rejections)


def test_a_nonfinite_value_is_refused_with_its_margin() -> None:
    found = probed(written("return torch.log(torch.exp(-2 * beta * rho) + 1)")).rejections[0]
    assert found.message.startswith("Infinity in the loss values at rho = -") and "F.logsigmoid" in found.message
    assert cast(float, found.details["rho"]) < -88 / 0.1
    assert found.details["check"] == "finite-extreme"


def test_a_wrong_shape_comes_with_advice() -> None:
    assert "leave out .mean()" in probed(written("return rho.max()")).rejections[0].message
    assert "add the two halves" in probed(written("x = torch.cat((rho, rho), 0)\nreturn x * 1")).rejections[0].message


def test_state_between_calls_is_refused() -> None:
    source = written("s = STATE\ns += 1\nreturn -beta * rho * s", "STATE = torch.zeros(1)")
    assert "nondeterministic" in [r.code for r in probed(source).rejections]


def test_float32_values_for_bfloat16_are_a_note() -> None:
    report = probed(written("return torch.nn.functional.softplus(-beta * rho.float())"))
    checks = {check.name: check for check in report.checks}
    assert report.accepted and not checks["dtype-bfloat16"].required and not checks["dtype-bfloat16"].passed


@pytest.mark.parametrize("centre", ["torch.quantile(rho.detach(), 0.5)", "torch.special.log_ndtr(rho.detach())"])
def test_what_torch_lacks_in_bfloat16_is_a_note_that_names_the_type(centre: str) -> None:
    report = probed(written(f"return torch.nn.functional.softplus(-beta * rho) + 0 * {centre}"))
    check = next(check for check in report.checks if check.name == "dtype-bfloat16")
    assert report.accepted and not check.passed and not check.required
    assert "bfloat16" in check.measured and ".float()" in check.measured


def test_reference_free_losses_are_accepted() -> None:
    source = written(
        "return -torch.nn.functional.logsigmoid(beta * (policy_chosen_logps - policy_rejected_logps) - 0.5)"
    )
    assert probed(source).accepted
    found = shape(measuring_in_process(InProcessLoss(source)))
    assert found is not None and found.reference_free and not found.depends_only_on_rho


def test_a_lost_loss_process_ends_the_probe_with_its_reason() -> None:
    calls = 0

    def evaluate(pairs: inputs.Quadruple, beta: float) -> object:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise LossRejected("timeout", "one evaluation took longer than 10 s")
        return InProcessLoss(LOSSES["dpo"].read_text()).evaluate(*pairs, beta, reference_grads=True)

    report = probe(evaluate)  # type: ignore[arg-type]  # gives LossValues
    assert [r.code for r in report.rejections] == ["timeout"] and calls == 2


def test_probe_inputs_are_realistic_and_fixed() -> None:
    pairs = inputs.realistic(64)
    for logps in pairs:
        assert -2000 - inputs.FURTHEST <= logps.min() < -1000 and -20 < logps.max() < 0
    assert 60 < pairs.rho.abs().max() < 120
    assert torch.equal(pairs.policy_chosen, inputs.realistic(64).policy_chosen)
    assert bool((inputs.untrained(8).rho == 0).all())
    assert inputs.margins_up_to(1000.0).abs().max() == 1000
    for beta in (0.05, 0.2):
        assert all(bool((logps < 0).all()) for batch in inputs.fingerprint_grid(beta) for logps in batch)


SHAPES: dict[str, dict[str, object]] = {
    "dpo": {"monotone": "decreasing", "convex": True, "depends_only_on_rho": True, "beta_only_scales": True},
    "slic": {"monotone": "decreasing", "convex": True, "minimum_at": None, "slope_right": 0.0},
    "ipo": {"monotone": "neither", "convex": True, "beta_only_scales": False, "batch_coupled": False},
    "apo_zero": {"monotone": "decreasing", "convex": False, "depends_only_on_rho": False},
    "sign_flipped": {"monotone": "increasing", "convex": True},
    "linear": {"slope_left": -0.05, "slope_right": -0.05, "convex": True},
    "no_reference": {"reference_free": True, "depends_only_on_rho": False},
    "sft": {"reference_free": True, "beta_only_scales": True},
    "zero": {"monotone": "neither", "flat": True},
    "padll": {"convex": False, "jump_at": -0.25},
    "pfl": {"depends_only_on_rho": False, "jump_at": 0.25},
    "lrml": {"monotone": "neither", "convex": False, "beta_only_scales": True, "minimum_at": None},
    "lrml_discovered": {"beta_only_scales": False},
    "pfl_discovered": {"beta_only_scales": False},
    "kto_pair": {"batch_coupled": True},
    "bco_pair": {"batch_coupled": True},
    "aot": {"batch_coupled": True},
    "aql": {"batch_coupled": True},
    "dbaql": {"batch_coupled": True},
    "aqfl": {"batch_coupled": True},
    "cell": {"batch_coupled": False, "convex": True},
}


@pytest.mark.parametrize("name", SHAPES)
def test_measures_the_shape(name: str) -> None:
    found = measured(name)
    assert {key: getattr(found, key) for key in SHAPES[name]} == SHAPES[name]


def test_finds_where_losses_turn() -> None:
    ipo, cdpo, lrml = measured("ipo"), measured("cdpo"), measured("lrml")
    assert ipo.minimum_at == pytest.approx(10, abs=1e-6)
    assert cdpo.minimum_at == pytest.approx(math.log(9) / 0.05, abs=1e-2)
    assert lrml.minima == [pytest.approx(-2.3714, abs=1e-3)]
    assert lrml.maxima == [pytest.approx(1.4401, abs=1e-3)]


def test_measures_slopes_at_the_ends() -> None:
    dpo, exponential = measured("dpo"), measured("exponential")
    assert dpo.slope_left == pytest.approx(-0.05, rel=1e-6)
    assert dpo.slope_right == pytest.approx(-0.05 * math.exp(-20), rel=1e-3)
    assert exponential.slope_left == pytest.approx(-0.05 * math.exp(20), rel=1e-6)
    assert measured("ipo").beta_factor == pytest.approx(1 / 16)


def test_slopes_are_those_of_training_where_a_factor_is_detached() -> None:
    source = written("weight = torch.sigmoid(rho).detach()\nreturn -beta * rho * weight")
    found = shape(measuring_in_process(InProcessLoss(source)))
    assert found is not None and found.monotone == "decreasing"


def test_a_loss_that_insists_on_float32_is_measured_in_float32() -> None:
    source = written("return -torch.nn.functional.logsigmoid(beta * rho.float())")
    found = shape(measuring_in_process(InProcessLoss(source)))
    assert found is not None and found.convex and found.depends_only_on_rho and not found.batch_coupled


def test_words_say_it_in_sentences() -> None:
    words = " ".join(measured("lrml").to_json()["words"])  # type: ignore[arg-type]  # a list of text
    assert "minimum at rho = -2.371, maximum at rho = 1.44" in words and "not convex" in words
    words = " ".join(measured("dbaql").to_json()["words"])  # type: ignore[arg-type]  # a list of text
    assert "Other pairs of the batch change a pair's loss by up to" in words
    words = " ".join(measured("exponential").to_json()["words"])  # type: ignore[arg-type]  # a list of text
    assert "On badly ordered pairs (beta * rho = -20) it pulls 4.9e+08 times a linear loss." in words
    for name in LOSSES:
        assert all(len(sentence.split()) <= 20 for sentence in measured(name).to_json()["words"])  # type: ignore[attr-defined]


# --- The jobs -----------------------------------------------------------------------------------------------------


def without_processes() -> Context:
    return cast("Context", SimpleNamespace(loss_processes=None))


def test_a_refused_text_is_a_result() -> None:
    for source, code in (("no loss here", "no-code"), (f"def f({NAMES}, beta):\n    return open(beta)\n", "forbidden")):
        result = check({"source": source}, without_processes())
        assert result["accepted"] is False
        assert cast(list[dict[str, object]], result["rejections"])[0]["code"] == code
        json.dumps(result, allow_nan=False)


def test_lines_are_those_of_the_given_text() -> None:
    text = f"Look:\n```python\ndef f(self, {NAMES}):\n    x = policy_chosen_logps\n    return x.data\n```"
    rejection = cast(list[dict[str, object]], check({"source": text}, without_processes())["rejections"])[0]
    assert rejection["line"] == 5 and "use .detach()" in str(rejection["message"])


def test_import_writes_the_file_form_with_its_header() -> None:
    text = f"def my_loss(self, {NAMES}):\n{RHO}    return -F.logsigmoid(self.beta * rho)\n"
    header = {"name": "mine", "title": "Mine", "origin": "published", "reference": "arXiv:0, eq. 1", "beta": 0.1}
    result = import_loss({"source": text, "header": header}, without_processes())
    source = str(result["source"])
    assert source.startswith("# ---\n# name: mine\n# title: Mine\n# origin: published\n") and "# beta: 0.1\n" in source
    assert to_file_form(source).forms == ["file"]
    with pytest.raises(LossRejected):
        import_loss({"source": text.replace("return", "open(rho)\n    return")}, without_processes())


def test_the_result_is_json_with_all_its_parts() -> None:
    form = to_file_form(LOSSES["dpo"].read_text())
    result = measured_result(form, measuring_in_process(InProcessLoss(form.source)), [])
    back = json.loads(json.dumps(result, allow_nan=False))
    assert back["accepted"] and back["name"] == "dpo" and len(back["fingerprint"]["values"]) == 640
    assert set(back["checks"][0]) == {"name", "passed", "measured", "required"}


@pytest.fixture(scope="module")
def processes() -> Iterator[LossProcesses]:
    worker = os.environ.get("LOSSLAB_WORKER")
    if worker is None or not Path(worker).exists():
        pytest.skip("no worker: set LOSSLAB_WORKER to a built losslab-worker")
    running = LossProcesses.start(worker)
    yield running
    running.close()


@pytest.mark.slow
def test_check_in_the_sandbox_takes_under_a_second(processes: LossProcesses) -> None:
    context = cast("Context", SimpleNamespace(loss_processes=processes))
    check({"source": LOSSES["dpo"].read_text()}, context)
    seconds: list[float] = []
    for name in ("dpo", "kto_pair", "lrml", "dbaql_discovered", "zero"):
        result = check({"source": LOSSES[name].read_text()}, context)
        assert result["accepted"], result["rejections"]
        seconds.append(cast(float, result["seconds"]))
        json.dumps(result, allow_nan=False)
    assert sorted(seconds)[2] < 1, seconds
    assert not check({"source": LOSSES["zero"].read_text(), "allowControl": False}, context)["accepted"]


@pytest.mark.slow
def test_a_proposed_text_cannot_call_itself_a_control(processes: LossProcesses) -> None:
    """Training asks the file whether it is one, so the header that screening hands on does not say so."""
    context = cast("Context", SimpleNamespace(loss_processes=processes))
    text = LOSSES["dpo"].read_text()
    claimed = text.replace("beta:", "control: true\n# beta:", 1)
    assert claimed != text and header.read(claimed)["control"] is True
    source = cast(str, check({"source": claimed, "allowControl": False}, context)["source"])
    assert "control" not in header.read(source)
    assert check({"source": claimed}, context)["source"] == claimed


@pytest.mark.slow
def test_faults_in_the_sandbox_are_rejections_with_their_line(processes: LossProcesses) -> None:
    context = cast("Context", SimpleNamespace(loss_processes=processes))
    text = f"def f({NAMES}, beta):\n{RHO}    return rho + torch.zeros(3)\n"
    rejection = cast(list[dict[str, object]], check({"source": text}, context)["rejections"])[0]
    assert (rejection["code"], rejection["line"]) == ("exception", 3)
    text = f"def f({NAMES}, beta):\n{RHO}    return torch.stack((rho, rho)).mean()\n"
    rejection = cast(list[dict[str, object]], check({"source": text}, context)["rejections"])[0]
    assert rejection["code"] == "shape" and "leave out .mean()" in str(rejection["message"])
