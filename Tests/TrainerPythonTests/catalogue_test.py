"""The catalogue of losses against independent sources.

Two of them, neither sharing code with the catalogue: TRL's own ``DPOTrainer`` source (its loop over loss types, taken
from the installed file and executed), and formulas written out here in 40-digit arithmetic from the cited papers, with
derivatives by central differences (step 1e-15, so exact to about 25 digits).
"""

from __future__ import annotations

import ast
import importlib.util
import math
import types
from collections.abc import Callable
from functools import cache
from pathlib import Path

import mpmath as mp  # type: ignore[import-untyped]  # ships no types
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
LOSSES = {path.stem: path for path in sorted((ROOT / "losses").glob("*/*.py"))}
TOLERANCE = 1e-6
BETAS = (0.05, 0.2)

Loss = Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]
Quadruple = tuple[Tensor, Tensor, Tensor, Tensor]


@cache
def catalogue_loss(name: str) -> Loss:
    namespace: dict[str, object] = {}
    exec(compile(LOSSES[name].read_text(), name, "exec"), namespace)
    loss = namespace["loss"]
    assert callable(loss)
    return loss


def at(name: str, inputs: Quadruple, beta: float) -> Tensor:
    return catalogue_loss(name)(inputs[0], inputs[1], inputs[2], inputs[3], beta)


def batch(kind: str) -> Quadruple:
    """Realistic log-probabilities, sums from -5 to -2000 nats. In ``near`` the policy has hardly moved."""
    generator = torch.Generator().manual_seed(7)

    def draw() -> Tensor:
        return torch.rand(6, generator=generator, dtype=torch.float64)

    reference = [-5 * torch.exp(draw() * math.log(400)) for _ in range(2)]
    step = 1.0 if kind == "near" else 60.0
    policy = [(logps + step * (draw() - 0.4)).clamp(max=-1.0) for logps in reference]
    return policy[0], policy[1], reference[0], reference[1]


def with_partials(loss: Loss, inputs: Quadruple, beta: float) -> tuple[Tensor, list[Tensor]]:
    """Loss values and the partial derivatives of their mean, by torch."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    values = loss(leaves[0], leaves[1], leaves[2], leaves[3], beta)
    grads = torch.autograd.grad(values.mean(), leaves, allow_unused=True)
    return values.detach(), [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, grads, strict=True)]


def assert_close(ours: Tensor, theirs: Tensor, what: str) -> None:
    error = ((ours - theirs).abs() / theirs.abs().clamp(min=1)).max().item()
    assert error <= TOLERANCE, f"{what}: off by {error:.3g}"


# --- TRL ---------------------------------------------------------------------------------------------------------


@cache
def trl_losses() -> types.CodeType:
    """TRL's loop over loss types, compiled from the installed file; importing TRL would take seven seconds."""
    package = importlib.util.find_spec("trl")
    if package is None or package.origin is None:
        pytest.skip("TRL is not installed")
    tree = ast.parse((Path(package.origin).parent / "trainer" / "dpo_trainer.py").read_text())
    method = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "_compute_loss")
    loop = next(n for n in ast.walk(method) if isinstance(n, ast.For) and "loss_type" in ast.unparse(n.target))
    return compile(ast.Module([loop], []), "trl", "exec")


def trl_loss(loss_type: str, label_smoothing: float = 0.0) -> Loss:
    def loss(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor, beta: float) -> Tensor:
        trainer = types.SimpleNamespace(
            loss_types=[loss_type],
            loss_weights=[1.0],
            beta=beta,
            label_smoothing=label_smoothing,
            use_weighting=False,
            args=types.SimpleNamespace(discopop_tau=0.05),
        )
        scope = {"self": trainer, "torch": torch, "F": F, "loss": 0.0, "device": pc.device}
        scope |= {"chosen_logps": pc, "rejected_logps": pr, "ref_chosen_logps": rc, "ref_rejected_logps": rr}
        scope |= {"chosen_logratios": pc - rc, "rejected_logratios": pr - rr}
        scope |= {"chosen_scores": pc - rc, "rejected_scores": pr - rr, "delta_score": (pc - rc) - (pr - rr)}
        scope["completion_mask"] = torch.ones(2 * len(pc), 1, dtype=torch.float64)  # one token: TRL's ipo divides by it
        exec(trl_losses(), scope)
        values = scope["per_sequence_loss"]
        assert isinstance(values, Tensor)
        return values

    return loss


IN_TRL = {
    "dpo": trl_loss("sigmoid"),
    "slic": trl_loss("hinge"),
    "ipo": trl_loss("ipo"),
    "exo_pair": trl_loss("exo_pair", 1e-3),
    "nca_pair": trl_loss("nca_pair"),
    "robust": trl_loss("robust", 0.1),
    "sppo_hard": trl_loss("sppo_hard"),
    "aot": trl_loss("aot"),
    "apo_zero": trl_loss("apo_zero"),
    "apo_down": trl_loss("apo_down"),
    "lrml": trl_loss("discopop"),
}


@pytest.mark.parametrize("kind", ["near", "far"])
@pytest.mark.parametrize("name", IN_TRL)
def test_equals_trl_in_value_and_partials(name: str, kind: str) -> None:
    for beta in BETAS:
        inputs = batch(kind)
        values, partials = with_partials(catalogue_loss(name), inputs, beta)
        expected, expected_partials = with_partials(IN_TRL[name], inputs, beta)
        assert_close(values, expected, f"{name} values")
        for ours, theirs in zip(partials, expected_partials, strict=True):
            assert_close(ours, theirs, f"{name} partials")


def test_bco_pair_is_trls_where_the_shift_vanishes() -> None:
    pc, pr, rc, rr = batch("far")
    shift = ((pc - rc).mean() + (pr - rr).mean()) / 2
    inputs = (pc - shift, pr - shift, rc, rr)
    values, partials = with_partials(catalogue_loss("bco_pair"), inputs, 0.05)
    expected, expected_partials = with_partials(trl_loss("bco_pair"), inputs, 0.05)
    assert_close(values, expected, "values")
    for ours, theirs in zip(partials, expected_partials, strict=True):
        assert_close(ours, theirs, "partials")


# --- Formulas written out -----------------------------------------------------------------------------------------
# Each takes the batch as four lists of mpf, and gives the list of loss values. No torch below.

Row = list[mp.mpf]
TAU = mp.mpf("0.05")
TENTH = mp.mpf("0.1")


def sig(x: mp.mpf) -> mp.mpf:
    return 1 / (1 + mp.exp(-x))


def f_dpo(x: mp.mpf) -> mp.mpf:
    return mp.log(1 + mp.exp(-x))


def f_slic(x: mp.mpf) -> mp.mpf:
    return max(mp.mpf(0), 1 - x)


def f_exp(x: mp.mpf) -> mp.mpf:
    return mp.exp(-x)


def mean(xs: Row) -> mp.mpf:
    return mp.fsum(xs) / len(xs)


def variance(xs: Row) -> mp.mpf:
    centre = mean(xs)
    return mp.fsum((x - centre) ** 2 for x in xs) / (len(xs) - 1)


def margins(pc: Row, pr: Row, rc: Row, rr: Row) -> Row:
    return [
        mp.log(mp.exp(a) / mp.exp(c)) - mp.log(mp.exp(b) / mp.exp(d)) for a, b, c, d in zip(pc, pr, rc, rr, strict=True)
    ]


Formula = Callable[[Row, Row, Row, Row, mp.mpf], Row]


def of_margin(f: Callable[[mp.mpf, mp.mpf], mp.mpf]) -> Formula:
    return lambda pc, pr, rc, rr, beta: [f(rho, beta) for rho in margins(pc, pr, rc, rr)]


def blend(weight: mp.mpf, first: mp.mpf, second: mp.mpf) -> mp.mpf:
    return weight * first + (1 - weight) * second


def kto_pair(pc: Row, pr: Row, rc: Row, rr: Row, beta: mp.mpf) -> Row:
    chosen, rejected = [a - c for a, c in zip(pc, rc, strict=True)], [b - d for b, d in zip(pr, rr, strict=True)]
    kl_chosen, kl_rejected = max(mp.mpf(0), mean(chosen)), max(mp.mpf(0), mean(rejected))
    return [
        ((1 - sig(beta * (c - kl_rejected))) + (1 - sig(beta * (kl_chosen - r)))) / 2
        for c, r in zip(chosen, rejected, strict=True)
    ]


def dbaql(scale: Callable[[mp.mpf], mp.mpf]) -> Formula:
    def formula(pc: Row, pr: Row, rc: Row, rr: Row, beta: mp.mpf) -> Row:
        rho = margins(pc, pr, rc, rr)
        s = sig(variance([scale(beta) * x for x in rho]))
        return [blend(s, f_dpo(beta * x / mp.mpf("0.9")), f_exp(beta * x * mp.mpf("0.9"))) for x in rho]

    return formula


def aql(scale: Callable[[mp.mpf], mp.mpf], steepness: Callable[[mp.mpf], mp.mpf]) -> Formula:
    def formula(pc: Row, pr: Row, rc: Row, rr: Row, beta: mp.mpf) -> Row:
        rho = margins(pc, pr, rc, rr)
        x = [scale(beta) * r for r in rho]
        m = mp.mpf("0.5") + mp.mpf("0.01") * (sig(mean(x)) - mp.mpf("0.5"))
        q = [sig(-steepness(beta) * (v - m)) for v in x]
        return [blend(w, f_dpo(beta * r), f_slic(beta * r)) for w, r in zip(q, rho, strict=True)]

    return formula


def aqfl(scale: Callable[[mp.mpf], mp.mpf]) -> Formula:
    def formula(pc: Row, pr: Row, rc: Row, rr: Row, beta: mp.mpf) -> Row:
        rho = margins(pc, pr, rc, rr)
        x = [scale(beta) * r for r in rho]
        m1 = mp.sqrt(variance(x)) * mean([sig(-v) for v in x])
        m2 = m1 + mp.mpf("0.05") * (sig(mean(x)) - m1)
        weights = [sig(TENTH * abs(v - m2)) for v in x]
        return [blend(w, f_dpo(beta * r), f_slic(beta * r)) for w, r in zip(weights, rho, strict=True)]

    return formula


def pfl(scale: Callable[[mp.mpf], mp.mpf]) -> Formula:
    def formula(pc: Row, pr: Row, rc: Row, rr: Row, beta: mp.mpf) -> Row:
        x = [scale(beta) * r for r in margins(pc, pr, rc, rr)]
        return [f_dpo(v) / 2 if a > b else 2 * f_slic(v) for v, a, b in zip(x, pc, pr, strict=True)]

    return formula


def lrml(scale: Callable[[mp.mpf], mp.mpf]) -> Formula:
    return of_margin(lambda rho, beta: blend(sig(scale(beta) * rho), f_exp(beta * rho), f_dpo(beta * rho)))


WRITTEN_OUT: dict[str, Formula] = {
    "dpo": of_margin(lambda rho, beta: f_dpo(beta * rho)),
    "cdpo": of_margin(lambda rho, beta: blend(TENTH, f_dpo(-beta * rho), f_dpo(beta * rho))),
    "rpo": lambda pc, pr, rc, rr, beta: [
        f_dpo(beta * rho) - beta * a / 2 for rho, a in zip(margins(pc, pr, rc, rr), pc, strict=True)
    ],
    "sft": lambda pc, pr, rc, rr, beta: [-beta * a for a in pc],
    "kto_pair": kto_pair,
    "exponential": of_margin(lambda rho, beta: f_exp(beta * rho)),
    "sign_flipped": of_margin(lambda rho, beta: f_dpo(-beta * rho)),
    "zero": of_margin(lambda rho, beta: mp.mpf(0)),
    "linear": of_margin(lambda rho, beta: -beta * rho),
    "no_reference": lambda pc, pr, rc, rr, beta: [f_dpo(beta * (a - b)) for a, b in zip(pc, pr, strict=True)],
    "dbaql": dbaql(lambda beta: beta / TAU),
    "dbaql_discovered": dbaql(lambda beta: mp.mpf(1)),
    "aql": aql(lambda beta: beta / TAU, lambda beta: mp.mpf(1)),
    "aql_discovered": aql(lambda beta: mp.mpf(1), lambda beta: beta),
    "padll": of_margin(lambda rho, beta: mp.mpf("0.9") * (mp.mpf("0.5") if rho < 0 else 1) * f_dpo(beta * rho)),
    "aqfl": aqfl(lambda beta: beta / TAU),
    "aqfl_discovered": aqfl(lambda beta: mp.mpf(1)),
    "cell": of_margin(lambda rho, beta: (f_dpo(beta * rho) + f_exp(beta * rho)) / 2),
    "lrml": lrml(lambda beta: beta / TAU),
    "lrml_discovered": lrml(lambda beta: mp.mpf(1)),
    "pfl": pfl(lambda beta: beta),
    "pfl_discovered": pfl(lambda beta: mp.mpf(1)),
}


def written_out(formula: Formula, inputs: Quadruple, beta: float) -> tuple[Tensor, list[Tensor]]:
    """Values and partial derivatives of their mean, in 40 digits."""
    rows = [[mp.mpf(x) for x in logps.tolist()] for logps in inputs]
    exact_beta, step = mp.mpf(beta), mp.mpf("1e-15")
    partials = []
    for k, row in enumerate(rows):
        column = []
        for i, x in enumerate(row):
            sides = []
            for moved in (x + step, x - step):
                new = [[moved if (a, b) == (k, i) else y for b, y in enumerate(r)] for a, r in enumerate(rows)]
                sides.append(mean(formula(new[0], new[1], new[2], new[3], exact_beta)))
            column.append(float((sides[0] - sides[1]) / (2 * step)))
        partials.append(torch.tensor(column, dtype=torch.float64))
    values = formula(rows[0], rows[1], rows[2], rows[3], exact_beta)
    return torch.tensor([float(v) for v in values], dtype=torch.float64), partials


@pytest.mark.parametrize("kind", ["near", "far"])
@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_equals_its_formula_in_value_and_partials(name: str, kind: str) -> None:
    with mp.workdps(40):
        for beta in BETAS:
            values, partials = with_partials(catalogue_loss(name), batch(kind), beta)
            expected, expected_partials = written_out(WRITTEN_OUT[name], batch(kind), beta)
            assert_close(values, expected, f"{name} values")
            for ours, theirs in zip(partials, expected_partials, strict=True):
                assert_close(ours, theirs, f"{name} partials")


def test_bco_pairs_shift_is_the_batch_mean_without_gradient() -> None:
    pc, pr, rc, rr = batch("far")
    beta = 0.05
    chosen, rejected = beta * (pc - rc), beta * (pr - rr)
    delta = (chosen.sum() + rejected.sum()) / (2 * len(pc))
    values, partials = with_partials(catalogue_loss("bco_pair"), (pc, pr, rc, rr), beta)
    assert_close(values, torch.log1p(torch.exp(delta - chosen)) + torch.log1p(torch.exp(rejected - delta)), "values")
    by_hand = -beta / (1 + torch.exp(chosen - delta)) / len(pc)
    assert_close(partials[0], by_hand, "policy chosen")
    assert_close(partials[2], -by_hand, "reference chosen")
    assert_close(partials[1], beta / (1 + torch.exp(delta - rejected)) / len(pc), "policy rejected")


def test_kto_pair_has_the_mean_of_its_published_2b_values() -> None:
    pc, pr, rc, rr = batch("far")
    chosen, rejected = pc - rc, pr - rr
    published = torch.cat(
        (
            1 - torch.sigmoid(0.05 * (chosen - rejected.mean().clamp(min=0))),
            1 - torch.sigmoid(0.05 * (chosen.mean().clamp(min=0) - rejected)),
        )
    )
    folded = catalogue_loss("kto_pair")(pc, pr, rc, rr, 0.05)
    assert folded.shape == (len(pc),) and published.shape == (2 * len(pc),)
    assert math.isclose(folded.mean().item(), published.mean().item(), rel_tol=1e-12)


def test_every_loss_has_an_independent_source() -> None:
    assert set(LOSSES) == set(IN_TRL) | set(WRITTEN_OUT) | {"bco_pair"}


@pytest.mark.parametrize("name", ["lrml", "lrml_discovered"])
def test_lrml_has_its_published_extrema(name: str) -> None:
    def value_and_slope(rho: float) -> tuple[float, float]:
        zero = torch.zeros(1, dtype=torch.float64)
        values, partials = with_partials(catalogue_loss(name), (zero + rho, zero, zero, zero), 0.05)
        return values.item(), partials[0].item()

    for rho, value, direction in ((-2.3714, 0.785924, 1), (1.4401, 0.878290, -1)):
        assert abs(value_and_slope(rho)[0] - value) < 1e-6
        before, after = value_and_slope(rho - 1e-3)[1], value_and_slope(rho + 1e-3)[1]
        assert before * direction < 0 < after * direction, "the derivative changes sign within a thousandth of it"
    assert abs(value_and_slope(0.0)[0] - 0.846574) < 1e-6
    assert abs(value_and_slope(0.0)[0] - (0.5 * math.log(2) + 0.5)) < 1e-12


@pytest.mark.parametrize("name", ["dbaql", "aqfl", "lrml"])
def test_corrected_and_discovered_forms_agree_at_the_discoverys_beta_only(name: str) -> None:
    inputs, discovered = batch("near"), f"{name}_discovered"
    assert torch.allclose(at(name, inputs, 0.05), at(discovered, inputs, 0.05), atol=1e-12)
    assert not torch.allclose(at(name, inputs, 0.2), at(discovered, inputs, 0.2), atol=1e-3)


@pytest.mark.parametrize("name", ["aql", "pfl"])
def test_corrected_and_discovered_forms_differ_at_every_beta(name: str) -> None:
    inputs = batch("near")
    for beta in BETAS:
        difference = at(name, inputs, beta) - at(f"{name}_discovered", inputs, beta)
        assert difference.abs().max() > 1e-3
