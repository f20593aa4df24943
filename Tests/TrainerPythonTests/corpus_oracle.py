"""Whether a reply is a sound loss, by plain torch: not the lab's reader, rewriting, gate, probe or descent.

The code runs in a loss process, locked down as any loss, and is judged by its values and derivatives alone. What the
rules below leave open is ``unclear`` and waits for a verdict by hand (Fixtures/corpus/hand.json).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from corpus_texts import Found, Unreadable, functions
from losslab_trainer.contract import LossRejected, LossValues
from losslab_trainer.loss_process import LossLimits, LossProcess, LossProcesses
from torch import Tensor

INSIDE = Path(__file__).with_name("corpus_inside.py").read_text(encoding="utf-8")
LIMITS = LossLimits(evaluation_seconds=20)
BETA = 0.05
PAIRS = 64
LEAST_NATS = 0.1  # a margin that moved less did not move
Four = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Verdict:
    """``sound``, ``broken`` or ``unclear``, and why; ``copy`` says that a shown loss has the same values."""

    verdict: str
    reason: str
    copy: bool = False


def _references(pairs: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(20)
    lengths = torch.randint(20, 180, (2, pairs), generator=generator)
    means = 0.8 + torch.rand(2, pairs, generator=generator, dtype=torch.float64)
    chosen, rejected = -lengths * means
    return chosen, rejected


def _data(chosen: tuple[float, float], rejected: tuple[float, float], seed: int) -> Four:
    """Policies whose log-ratios to the reference have these means and deviations, in nats."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, PAIRS, generator=generator, dtype=torch.float64)
    rc, rr = _references(PAIRS)
    return (
        (rc + chosen[0] + chosen[1] * noise[0]).clamp(max=-0.1),
        (rr + rejected[0] + rejected[1] * noise[1]).clamp(max=-0.1),
        rc,
        rr,
    )


STATES = {
    "untrained": _data((0, 0), (0, 0), 1),
    "begun": _data((0, 1), (0, 1), 2),
    "trained": _data((2, 3), (-4, 3), 3),
    "both lower": _data((-15, 6), (-25, 6), 4),
    "wrong so far": _data((-5, 4), (5, 4), 5),
    "wide": _data((0, 15), (0, 15), 6),
}
STARTS = [_data((0, 1), (0, 1), 7), _data((0, 10), (0, 10), 8), _data((-3, 3), (-3, 3), 9)]


def judge(processes: LossProcesses, text: str, form: str, cut_off: bool, shown: Sequence[str]) -> Verdict:
    """The verdict on one reply. Of several functions the last counts, if the others do not say otherwise."""
    try:
        found = functions(text, form, cut_off)
    except Unreadable as problem:
        return Verdict(problem.verdict, str(problem))
    verdicts = [_judged(processes, function, shown) for function in found[-4:]]
    # A completion that goes on with another whole function may mean that one.
    if form == "completion" and verdicts[0].verdict == "broken":
        again = _rest(text)
        following = judge(processes, again, "chat", cut_off, shown) if again is not None else verdicts[0]
        verdicts += [following] if following.reason != "no Python" else []
    names = [function.name for function in found[-4:]] + ["what follows"]
    if len({verdict.verdict for verdict in verdicts}) > 1:
        told = "; ".join(f"{name}: {v.verdict}, {v.reason}" for name, v in zip(names, verdicts, strict=False))
        return Verdict("unclear", f"several functions: {told}")
    return verdicts[0 if form == "completion" else -1]


def _rest(completion: str) -> str | None:
    """What follows a completion's function, from the next definition on, fenced like a reply."""
    start = completion.find("\ndef ", completion.index("\ndef ") + 1)
    return f"```python{completion[start:]}\n```" if start >= 0 else None


def _judged(processes: LossProcesses, function: Found, shown: Sequence[str]) -> Verdict:
    try:
        process = _opened(processes, function)
    except LossRejected as rejection:
        return Verdict("broken", f"{rejection.code}: {rejection.message}")
    try:
        verdict, reason = _measured(process)
        copy = verdict != "broken" and any(_same(process, _shown_values(processes, code)) for code in shown)
        return Verdict(verdict, reason, copy)
    except LossRejected as rejection:
        unclear = "UNCLEAR" in rejection.message
        return Verdict("unclear" if unclear else "broken", f"{rejection.code}: {rejection.message}")
    finally:
        process.close()


def _opened(processes: LossProcesses, function: Found) -> LossProcess:
    constants = f"CODE = {function.code!r}\nNAME = {function.name!r}\nROLES = {function.roles!r}\n"
    return processes.open(INSIDE.replace("from __future__ import annotations\n", constants), LIMITS)


def _measured(process: LossProcess) -> tuple[str, str]:
    single = {name: _of(process, _single(data)) for name, data in STATES.items()}
    double = {name: _of(process, data) for name, data in STATES.items()}
    first = STATES["begun"]
    for pairs in (1, 2):
        process.evaluate(*_single(_head(first, pairs)), BETA, allow_nonfinite=True)
    equal = _head(STATES["trained"], 1)
    furthest = torch.linspace(-1000, 1000, PAIRS, dtype=torch.float64)
    rc, rr = _references(PAIRS)
    whole = torch.arange(PAIRS, dtype=torch.float64) - PAIRS / 2
    extreme = {
        "equal pairs": _single((equal[0].repeat(8), equal[1].repeat(8), equal[2].repeat(8), equal[3].repeat(8))),
        "two pairs": _single(_head(first, 2)),
        "margins of whole nats": _single(
            (-50 + whole, torch.full_like(rc, -60), torch.full_like(rc, -90), rc * 0 - 100)
        ),
        "margins up to 1000 nats": _single((rc + furthest / 2, rr - furthest / 2, rc, rr)),
    }
    for name, values in [*single.items(), *((n, _of(process, d)) for n, d in extreme.items())]:
        if not all(bool(torch.isfinite(v).all()) for v in _vectors(values)):
            return "broken", f"not finite: {name}"
    change = _steepness(double)
    if change < 1e-6 or _is_rounding(single, double):
        return "broken", f"constant: within 10 nats the values change by {change:.0e} of their size"
    if _pull(double["untrained"]) == 0:
        near, far = (_pull(_of(process, _data((0, nats), (0, nats), 10))) for nats in (1e-3, 1))
        if near < 0.01 * far:
            return "broken", "no pull where training begins, with the policy at its reference"
    return _direction(process, double)


def _direction(process: LossProcess, double: dict[str, LossValues]) -> tuple[str, str]:
    shares = [_share(values.policy_rejected_grad - values.policy_chosen_grad) for values in double.values()]
    known = [share for share in shares if share is not None]
    towards = sum(known) / len(known) if known else 0.0
    free = [_descended(process, start, shared=False) for start in STARTS]
    moved = [(change := chosen - rejected)[change.abs() > LEAST_NATS] for chosen, rejected in free]
    rose = [float((change > 0).double().mean()) if len(change) >= PAIRS / 8 else 0.0 for change in moved]
    told = f"towards chosen {towards:.2f}; margins that rose {_listed(rose)}"
    if max(rose) <= 0.6:
        return "broken", f"wrong direction: {told}"
    if towards < 0.6 or min(rose) < 0.7:
        return "unclear", f"direction: {told}"
    falls = []
    for start in STARTS:
        chosen, rejected = _descended(process, start, shared=True)
        both = bool((chosen < -0.1).double().mean() >= 0.9) and float(rejected.mean()) < 0
        falls.append(float(chosen.mean() / rejected.mean()) if both else 0.0)
    told += f"; chosen falls by {_listed(falls)} of rejected"
    if min(falls) >= 0.3:
        return "broken", f"runs away: {told}"
    return ("unclear", f"runs away: {told}") if max(falls) > 0.05 else ("sound", told)


def _listed(shares: Sequence[float]) -> str:
    return ", ".join(f"{share:.2f}" for share in shares)


def _descended(process: LossProcess, start: Four, *, shared: bool) -> tuple[Tensor, Tensor]:
    """How far 48 steps of Adam move each answer, in nats; ``shared`` adds a part that both answers have in common.

    One second moment for all numbers: in a policy, too, what hardly pulls is drowned by what pulls.
    """
    own = torch.zeros(3, PAIRS, dtype=torch.float64)  # of chosen, of rejected, of both
    first, second = torch.zeros_like(own), 0.0
    for step in range(1, 49):
        chosen, rejected = own[0] + own[2], own[1] + own[2]
        values = process.evaluate(
            start[0] + chosen, start[1] + rejected, start[2], start[3], BETA, allow_nonfinite=True
        )
        pulls = torch.stack([values.policy_chosen_grad, values.policy_rejected_grad]).nan_to_num(0, 0, 0)
        grads = torch.cat([pulls, pulls.sum(0, keepdim=True) * shared])
        first = 0.9 * first + 0.1 * grads
        second = 0.99 * second + 0.01 * float((pulls**2).mean())
        size = (second / (1 - 0.99**step)) ** 0.5
        if size > 0:
            own -= 0.5 * (first / (1 - 0.9**step)) / size
    return own[0] + own[2], own[1] + own[2]


def _share(differences: Tensor) -> float | None:
    """Of what is not at rest, the share above zero."""
    moved = differences[differences.abs() > 1e-9 * differences.abs().max()]
    return float((moved > 0).double().mean()) if len(moved) else None


def _pull(values: LossValues) -> float:
    return float(torch.maximum(values.policy_chosen_grad.abs(), values.policy_rejected_grad.abs()).max())


def _steepness(values: dict[str, LossValues]) -> float:
    """The largest change of a value within 10 nats, relative to the largest value."""
    slopes = max(float(v.policy_chosen_grad.abs().max() + v.policy_rejected_grad.abs().max()) for v in values.values())
    sizes = max(float(v.losses.abs().max()) for v in values.values())
    return 10 * PAIRS * slopes / max(sizes, 1e-300)


def _is_rounding(single: dict[str, LossValues], double: dict[str, LossValues]) -> bool:
    """Whether float32's derivatives have nothing to do with float64's."""
    for name, exact in double.items():
        for near, far in zip(_vectors(single[name])[1:], _vectors(exact)[1:], strict=True):
            if float((near.double() - far).abs().max()) <= 0.5 * float(far.abs().max()):
                return False
    return True


def _same(process: LossProcess, other: Tensor | None) -> bool:
    """Whether the values are those of a shown loss but for a constant and a positive factor."""
    if other is None:
        return False
    own = torch.cat([_of(process, data).losses for data in STATES.values()])
    x, y = other - other.mean(), own - own.mean()
    factor = float((x * y).sum() / (x * x).sum().clamp(min=1e-300))
    return factor > 0 and bool((y - factor * x).abs().max() <= 1e-6 * y.abs().max())


_SHOWN: dict[str, Tensor | None] = {}


def _shown_values(processes: LossProcesses, code: str) -> Tensor | None:
    if code not in _SHOWN:
        _SHOWN[code] = None
        try:
            process = _opened(processes, functions(code, "discopop-code", False)[-1])
        except (LossRejected, Unreadable):
            return None
        try:
            _SHOWN[code] = torch.cat([_of(process, data).losses for data in STATES.values()])
        except LossRejected:
            pass
        finally:
            process.close()
    return _SHOWN[code]


def _of(process: LossProcess, data: Four) -> LossValues:
    return process.evaluate(*data, BETA, allow_nonfinite=True)


def _vectors(values: LossValues) -> list[Tensor]:
    return [values.losses, values.policy_chosen_grad, values.policy_rejected_grad]


def _head(data: Four, pairs: int) -> Four:
    return data[0][:pairs], data[1][:pairs], data[2][:pairs], data[3][:pairs]


def _single(data: Four) -> Four:
    return data[0].float(), data[1].float(), data[2].float(), data[3].float()
