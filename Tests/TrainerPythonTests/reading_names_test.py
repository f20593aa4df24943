"""Arguments under other names and in any order are bound as they were meant, or refused: never another loss."""

from __future__ import annotations

import pytest
from losslab_trainer.contract import LossRejected
from losslab_trainer.screening.forms import to_file_form
from reading import Case, check, lopsided

# The order of the arguments: policy and reference, chosen and rejected.
USUAL, BY_SIDE, REFERENCE_FIRST = "pc pr rc rr", "pc rc pr rr", "rc rr pc pr"

BOUND: dict[str, str] = {
    "policy_chosen_logps policy_rejected_logps reference_chosen_logps reference_rejected_logps": USUAL,
    "policy_chosen_logps reference_chosen_logps policy_rejected_logps reference_rejected_logps": BY_SIDE,
    "reference_rejected_logps reference_chosen_logps policy_rejected_logps policy_chosen_logps": "rr rc pr pc",
    "log_pi_yw log_ref_yw log_pi_yl log_ref_yl": BY_SIDE,
    "logp_c ref_logp_c logp_r ref_logp_r": BY_SIDE,
    "pi_w pi_l ref_w ref_l": USUAL,
    "w l ref_w ref_l": USUAL,
    "c r ref_c ref_r": USUAL,
    "chosen rejected ref_chosen ref_rejected": USUAL,
    "ref_chosen ref_rejected chosen rejected": REFERENCE_FIRST,
    "chosen_logps ref_chosen_logps rejected_logps ref_rejected_logps": BY_SIDE,
    "pos neg ref_pos ref_neg": USUAL,
    "positive_logp negative_logp positive_ref_logp negative_ref_logp": USUAL,
    "pc pr rc rr": USUAL,
    "pc rc pr rr": BY_SIDE,
    "pw pl rw rl": USUAL,
    "p_c p_r r_c r_r": USUAL,
    "p_w r_w p_l r_l": BY_SIDE,
    "logPiChosen logPiRejected logRefChosen logRefRejected": USUAL,
    "policyChosenLogps referenceChosenLogps policyRejectedLogps referenceRejectedLogps": BY_SIDE,
    "log_pi_theta_w log_pi_theta_l log_pi_ref_w log_pi_ref_l": USUAL,
    "yw_logp yl_logp yw_ref_logp yl_ref_logp": USUAL,
    "logp_yw logp_yl logp_ref_yw logp_ref_yl": USUAL,
    "winner_policy winner_reference loser_policy loser_reference": BY_SIDE,
    "policy_yw policy_yl reference_yw reference_yl": USUAL,
    "π_w π_l π_ref_w π_ref_l": USUAL,
    "pi0_w pi0_l pi_w pi_l": REFERENCE_FIRST,
    "model_chosen model_rejected base_chosen base_rejected": USUAL,
    "sft_rejected sft_chosen rejected chosen": "rr rc pr pc",
    "preferred dispreferred ref_preferred ref_dispreferred": USUAL,
    "logp_w logp_l logp_w_ref logp_l_ref": USUAL,
    "good bad ref_good ref_bad": USUAL,
    "policy_win policy_lose old_win old_lose": USUAL,
    "policy_logp_w reference_logp_w policy_logp_l reference_logp_l": BY_SIDE,
    "actor_chosen_log_probs actor_rejected_log_probs ref_chosen_log_probs ref_rejected_log_probs": USUAL,
    "a b c d": USUAL,
    "x1 x2 x3 x4": USUAL,
    "logp1 logp2 logp3 logp4": USUAL,
}


@pytest.mark.parametrize("names", BOUND)
def test_names_decide_not_the_order(names: str) -> None:
    by_meaning = dict(zip(BOUND[names].split(), names.split(), strict=True))
    pc, pr, rc, rr = (by_meaning[key] for key in ("pc", "pr", "rc", "rr"))
    body = f"    return F.softplus(beta * (2 * {pr} - {pc} - 3 * {rc} + 5 * {rr}))\n"
    check(Case(f"def loss({', '.join(names.split())}, beta):\n{body}", lopsided))
    check(Case(f"class A:\n  def forward(self, {', '.join(names.split())}, beta):\n{body}", lopsided, ("class",)))


UNCLEAR = [
    "policy_a policy_b ref_a ref_b",
    "logp_w logp_l logq_w logq_l",
    "pi_w pi_l w l",
    "y_w y_l z_w z_l",
    "chosen rejected x y",
    "chosen_logps rejected_logps first_logps second_logps",
    "chosen_logps chosen_ref rejected_logps other_ref",
    "policy_logps reference_logps",
    "policy_1 reference_1 policy_2 reference_2",
    "chosen_rewards rejected_rewards",
    "policy_logratios reference_logratios",
    "chosen_logratios rejected_logratios",
    "logits labels",
    "win_rate lose_rate ref_win_rate",
    "a b c",
    "alpha gamma delta epsilon",
    "pi_logp_1 pi_logp_2 ref_logp_1 ref_logp_2",
]


@pytest.mark.parametrize("names", UNCLEAR)
def test_what_names_leave_open_is_refused(names: str) -> None:
    text = f"def loss({', '.join(names.split())}, beta):\n    return beta * {names.split(maxsplit=1)[0]}\n"
    check(Case(text, "signature", line=1))


def test_the_refusal_says_which_names_are_unclear() -> None:
    with pytest.raises(LossRejected, match="unclear which log-probabilities x, y are"):
        to_file_form("def loss(chosen, rejected, x, y, beta):\n    return beta * chosen\n")


BETAS = ["beta", "beta=0.1", "*, beta: float = 0.1", "b", "temperature", "beta_value", "β", "kl_coef"]


@pytest.mark.parametrize("beta", BETAS)
def test_beta_has_other_names(beta: str) -> None:
    name = beta.removeprefix("*, ").split(":")[0].split("=")[0].strip()
    body = f"    return F.softplus({name} * (2 * pr - pc - 3 * rc + 5 * rr))\n"
    check(Case(f"def loss(pc, pr, rc, rr, {beta}):\n{body}", lopsided))


def test_the_reference_may_come_with_a_default_of_none() -> None:
    body = (
        "    if ref_c is None:\n        return c\n    return F.softplus(beta * (2 * r - c - 3 * ref_c + 5 * ref_r))\n"
    )
    check(Case(f"def loss(c, r, ref_c=None, ref_r=None, beta=0.1):\n{body}", lopsided))
    text = (
        "def f(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps=None, reference_rejected_logps=None, "
        "beta=0.1, chosen_weight=2.0):\n    return F.softplus(beta * (chosen_weight * policy_rejected_logps "
        "- policy_chosen_logps - 3 * reference_chosen_logps + 5 * reference_rejected_logps))\n"
    )
    check(Case(text, lopsided, ("constants",)))
