"""Whether a loss can train, told from tensors alone: sound, broken and trained losses against the whole screening."""

from __future__ import annotations

import re
import warnings
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

from losslab_trainer.contract import LossRejected  # noqa: E402
from losslab_trainer.in_process_loss import InProcessLoss  # noqa: E402
from losslab_trainer.screening import inputs  # noqa: E402
from losslab_trainer.screening.descent import Descent, descend  # noqa: E402
from losslab_trainer.screening.forms import to_file_form  # noqa: E402
from losslab_trainer.screening.gate import violations  # noqa: E402
from losslab_trainer.screening.job import measuring_in_process  # noqa: E402
from losslab_trainer.screening.probe import ProbeReport, probe  # noqa: E402
from trainable_losses import BROKEN, SOUND, TRAINED, TRAINED_AFTERWARDS, text  # noqa: E402

LOSSES = {path.stem: path for path in sorted((Path(__file__).parents[2] / "losses").glob("*/*.py"))}
BETAS = (0.005, 0.02, 0.05, 0.1, 0.5, 1.0)
UNTRAINED = 5.87


@cache
def screened(body: str) -> list[LossRejected]:
    form = to_file_form(text(body))
    refused = violations(form.source)
    return refused or probed(form.source).rejections


def probed(source: str) -> ProbeReport:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return probe(measuring_in_process(InProcessLoss(source)))


def descent(source: str, beta: float = 0.05) -> Descent:
    found = descend(measuring_in_process(InProcessLoss(source)), beta)
    assert found is not None
    return found


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_loss_is_accepted(name: str) -> None:
    assert [str(rejection) for rejection in screened(SOUND[name])] == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_loss_is_refused_with_its_code(name: str) -> None:
    body, code = BROKEN[name]
    assert code in [rejection.code for rejection in screened(body)]


@pytest.mark.parametrize("name", BROKEN)
def test_the_reason_is_short_and_has_one_number_and_what_to_do(name: str) -> None:
    rejection = screened(BROKEN[name][0])[0]
    first, _, advice = rejection.message.partition(". ")
    assert len(first) <= 110, first
    assert re.search(r"\d", first) or rejection.code in ("type", "dtype"), first
    assert 10 < len(advice) <= 120, rejection.message


# What is accepted although it trained below 4, and refused although it trained above 6.
MISSED = {
    # Some of its pairs' chosen answers rise; the same with 2 in place of 3 is KTO for unequal halves.
    "return (1 - torch.sigmoid(beta * c)) + 3 * (1 - torch.sigmoid(-beta * r))",
    # Its push on rejected is largest where rejected is short, which only the length bias of that world makes fatal.
    "return policy_chosen_logps / policy_rejected_logps",
}
REFUSED_ALL_THE_SAME = {"return -x.abs() - 0.5 * x"}  # it pulls down every pair that is badly ordered


def test_what_trains_well_passes_and_what_was_sent_away_does_not() -> None:
    accepted = {body for body in TRAINED if not screened(body)}
    away = {body for body, score in TRAINED.items() if score < 4}
    well = {body for body, score in TRAINED.items() if score > 6}
    assert away & accepted == MISSED
    assert well - accepted == REFUSED_ALL_THE_SAME
    assert len(away) >= 15 and len(well) >= 15


# Without a reference, as SimPO and the control no_reference are: sound, and not good in that world.
REFERENCE_FREE = {"return -F.logsigmoid(beta * m - 0.5)", "return torch.relu(10 - m) * beta"}


def test_verdicts_hold_for_losses_that_were_trained_afterwards() -> None:
    accepted = {body for body in TRAINED_AFTERWARDS if not screened(body)}
    away = {body for body, score in TRAINED_AFTERWARDS.items() if score < 4}
    assert away & accepted == REFERENCE_FREE
    assert max(score for body, score in TRAINED_AFTERWARDS.items() if body not in accepted) < UNTRAINED
    assert len(accepted) >= 14 and len(TRAINED_AFTERWARDS) - len(accepted) >= 10


def test_the_refused_trained_losses_stay_below_those_that_pass() -> None:
    scores: dict[bool, list[float]] = {True: [], False: []}
    for body, score in TRAINED.items():
        scores[not screened(body)].append(score)
    assert max(scores[False]) < UNTRAINED + 0.2
    assert sum(score > 4 for score in scores[True]) >= 0.9 * len(scores[True])


@pytest.mark.parametrize("beta", BETAS)
def test_no_catalogue_loss_falls_at_any_beta_but_those_that_are_meant_to(beta: float) -> None:
    fallen = {}
    for name, path in LOSSES.items():
        flaw = descent(path.read_text(), beta).rejection()
        if flaw is not None:
            fallen[name] = flaw.code
    assert fallen == {"apo_down": "runaway", "sign_flipped": "gradient", "zero": "gradient"}


def test_apo_down_lowers_both_answers_on_purpose_and_passes_with_a_note() -> None:
    report = probed(LOSSES["apo_down"].read_text())
    check = next(check for check in report.checks if check.name == "descent")
    assert report.accepted and not check.passed and not check.required and "on purpose" in check.measured
    assert [r.code for r in screened("return torch.sigmoid(beta * c) - 0.5 * torch.sigmoid(x)")] == ["runaway"]


def test_a_descent_ends_where_the_loss_is_satisfied() -> None:
    found = descent(LOSSES["ipo"].read_text())
    assert found.after == pytest.approx(1 / (2 * 0.05), rel=0.05), "IPO's target"
    slic = descent(LOSSES["slic"].read_text())
    assert slic.after == pytest.approx(1 / 0.05, rel=0.15), "the hinge's end"


def test_a_loss_that_explodes_is_followed_with_bounded_steps() -> None:
    found = descent(to_file_form(text("return torch.exp(-3 * x)")).source)
    assert found.steps == 48 and found.rose == 64
    assert abs(found.chosen) < 48 / 0.05


def test_a_descent_stops_before_what_is_not_finite() -> None:
    source = to_file_form(text("return -x + 0 * torch.sqrt(1.5 - x)")).source
    found = descent(source)
    assert 0 < found.steps < 48 and found.rose > found.fell
    everywhere = to_file_form(text("return torch.sqrt(-x.abs() - 1)")).source
    assert descend(measuring_in_process(InProcessLoss(everywhere)), 0.05) is None


def test_a_control_may_have_any_of_these_flaws() -> None:
    for body, code in (BROKEN["rejected only"], BROKEN["sum of both sigmoids"], BROKEN["sine"]):
        source = to_file_form(text(body)).source
        evaluate = measuring_in_process(InProcessLoss(source))
        assert [r.code for r in probe(evaluate).rejections] == [code]
        assert probe(evaluate, control=True).accepted


def test_pairs_of_the_descent_are_probabilities_around_their_reference() -> None:
    for beta in BETAS:
        pairs = inputs.around_reference(64, beta)
        assert all(bool((logps < 0).all()) for logps in pairs)
        assert float((beta * pairs.rho).abs().max()) <= 1
        assert 0.3 < float((pairs.rho < 0).double().mean()) < 0.7
