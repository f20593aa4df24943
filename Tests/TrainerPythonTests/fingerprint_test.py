"""The fingerprint: one and the same for rewritings of a loss, another for another loss."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.screening.fingerprint import TOLERANCE, Fingerprint, distance, fingerprint, same
from losslab_trainer.screening.forms import to_file_form
from losslab_trainer.screening.job import measuring_in_process

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROOT = Path(__file__).resolve().parents[2]
LOSSES = {path.stem: path for path in sorted((ROOT / "losses").glob("*/*.py"))}
HEAD = "def f(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):\n"
RHO = "    rho = policy_chosen_logps - policy_rejected_logps - reference_chosen_logps + reference_rejected_logps\n"


def of_source(source: str) -> Fingerprint:
    found = fingerprint(measuring_in_process(InProcessLoss(source)))
    assert found is not None
    return found


@cache
def of(name: str) -> Fingerprint:
    return of_source(LOSSES[name].read_text())


def of_body(body: str) -> Fingerprint:
    return of_source(to_file_form(HEAD + RHO + f"    return {body}\n").source)


REWRITTEN = {
    "softplus": ("F.softplus(-beta * rho)", "dpo"),
    "log of 1 plus exp": ("torch.log(1 + torch.exp(-beta * rho))", "dpo"),
    "log1p": ("torch.log1p((-beta * rho).exp())", "dpo"),
    "log of sigmoid": ("-torch.log(torch.sigmoid(beta * rho))", "dpo"),
    "cross entropy": ("F.binary_cross_entropy_with_logits(beta * rho, torch.ones_like(rho), reduction='none')", "dpo"),
    "logsumexp": ("torch.logsumexp(torch.stack((rho * 0, -beta * rho)), dim=0)", "dpo"),
    "plus a constant": ("F.softplus(-beta * rho) + 17.0", "dpo"),
    "times a number": ("3.5 * F.softplus(-beta * rho)", "dpo"),
    "over beta": ("F.softplus(-beta * rho) / beta", "dpo"),
    "in float32": ("F.softplus(-beta * rho.float())", "dpo"),
    "clamp": ("torch.clamp(1 - beta * rho, min=0)", "slic"),
    "maximum": ("torch.maximum(1 / beta - rho, torch.zeros_like(rho))", "slic"),
    "square": ("(beta * rho - 0.5) ** 2", "ipo"),
    "expanded square": ("(rho * rho - rho / beta) * 2 + 5", "ipo"),
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_a_rewriting_is_the_same_loss(name: str) -> None:
    body, original = REWRITTEN[name]
    rewritten = of_body(body)
    assert same(rewritten.values, of(original).values), distance(rewritten.values, of(original).values)
    if name != "in float32":
        assert rewritten.hash == of(original).hash


OTHERS = {
    "half the margin": "F.softplus(-beta * rho / 2)",
    "a margin of one": "F.softplus(1 - beta * rho)",
    "negated": "-F.softplus(-beta * rho)",
    "reversed": "F.softplus(beta * rho)",
    "another use of beta": "F.softplus(-0.05 * rho)",
    "a detached factor": "F.softplus(-beta * rho) * torch.sigmoid(-beta * rho).detach()",
    "a little SFT": "F.softplus(-beta * rho) - 0.01 * beta * policy_chosen_logps",
    "without the reference's gradient": "F.softplus(-beta * (policy_chosen_logps - policy_rejected_logps))",
    "batch statistics": "F.softplus(-beta * (rho - rho.mean()))",
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_loss_differs_from_dpo(name: str) -> None:
    other = of_body(OTHERS[name])
    assert not same(other.values, of("dpo").values) and other.hash != of("dpo").hash


def test_no_two_losses_of_the_catalogue_are_the_same() -> None:
    nearest = min((distance(of(a).values, of(b).values), a, b) for a, b in combinations(LOSSES, 2))
    assert nearest[0] > 20 * TOLERANCE, nearest
    assert len({of(name).hash for name in LOSSES}) == len(LOSSES)


def test_the_same_text_gives_the_same_fingerprint() -> None:
    for name in ("dpo", "aqfl", "aot"):
        assert of_source(LOSSES[name].read_text()) == of(name)


def test_fingerprints_of_another_make_are_infinitely_far() -> None:
    assert distance([0.0], [0.0, 1.0]) == float("inf") and not same([], [])


def test_overflow_leaves_numbers_that_can_be_compared() -> None:
    found = of_body("torch.exp(-30 * rho)")
    assert all(abs(value) <= 1e4 for value in found.values)
