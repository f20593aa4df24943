"""The dynamic probe: what a loss does on tensors, through a LossEvaluator and without any training.

Refused (``required`` checks): no values of shape (B,) for batches of 1, 2 and 64; NaN, infinity or the other direction
in a batch of any size up to 64 and some beyond (batch_sizes.py); another dtype than float32 for
float32 inputs; NaN or infinity

- at realistic margins, and for |rho| up to 1000 nats as long as |beta * rho| <= 50;
- in the first step of training, where rho = 0 for every pair, and in a batch of equal pairs;

no derivative that reaches the policy, none where rho = 0 and training begins, derivatives that are rounding alone, or
none that anywhere prefers chosen to rejected; a descent that does not raise chosen over rejected, or sends both away
(descent.py); values that change from call to call.

Measured, not refused: margins beyond that (exponential losses overflow float32 at beta * rho < -88), a ten times larger
beta, NaN in a batch of one when larger batches are finite (a sample variance has none; the trainer drops such a batch's
step), what it does in bfloat16 (every training hands float32 to the loss; a trainer elsewhere may not). A header that
says ``control: true`` turns the gradient checks into measurements: the zero control has no gradient by design.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import torch
from torch import Tensor

from losslab_trainer.contract import JSONScalar, LossRejected, LossValues
from losslab_trainer.screening import inputs, rounding
from losslab_trainer.screening.advice import DIRECTION, on_nonfinite, with_advice
from losslab_trainer.screening.batch_sizes import flaw_by_size
from losslab_trainer.screening.descent import descend, lowers_both_on_purpose
from losslab_trainer.screening.inputs import Evaluate, Quadruple

BATCH = 64
LARGEST_MARGIN = 1000.0  # nats
LARGEST_SCALED_MARGIN = 50.0  # beta * rho
STARTS = 0.1  # of the pull at 64 times that distance
FATAL = frozenset({"timeout", "memory", "crashed", "protocol", "nondeterministic"})
FLAWS_OF_GRADIENT = frozenset({"gradient", "constant", "runaway"})  # what a control may have


@dataclass(frozen=True)
class Check:
    """One question asked of a loss, and the value measured. A failed check refuses the loss only where required."""

    name: str
    passed: bool
    measured: str
    required: bool = True

    def to_json(self) -> dict[str, JSONScalar]:
        return {"name": self.name, "passed": self.passed, "measured": self.measured, "required": self.required}


@dataclass
class ProbeReport:
    """All checks that were run, and the reasons to refuse."""

    checks: list[Check] = field(default_factory=list)
    rejections: list[LossRejected] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        return not self.rejections


class _Stopped(Exception):
    """Nothing more can be measured."""


def probe(evaluate: Evaluate, beta: float = 0.05, *, control: bool = False) -> ProbeReport:
    """Runs every check. A loss process that is lost ends the probe with what is known so far."""
    run = _Probe(evaluate, beta, control)
    with suppress(_Stopped):
        run.everything()
    return run.report


class _Probe:
    def __init__(self, evaluate: Evaluate, beta: float, control: bool) -> None:
        self.evaluate = evaluate
        self.beta = beta
        self.control = control
        self.pulls_at_start = True
        self.report = ProbeReport()

    def everything(self) -> None:
        pairs = inputs.realistic(BATCH).to(torch.float32)
        first = self._values("shape-64", pairs, stop=True)
        if first is None:
            return
        self._passed("shape-64", f"shape ({BATCH},) for {BATCH} pairs")
        self._passed("dtype-float32", "float32 values for float32 log-probabilities")
        self._finite("finite-realistic", pairs, first)
        self._small_batches(pairs)
        self._start_of_training()
        self._margins()
        self._large_beta(pairs)
        self._bfloat16()
        if self._gradient(first, pairs) and self.report.accepted:
            self._every_size()
            if self.report.accepted:
                self._descent()
        self._deterministic(first, pairs)

    def _small_batches(self, pairs: Quadruple) -> None:
        two = self._values("shape-2", pairs.head(2))
        if two is not None:
            self._passed("shape-2", "shape (2,) for 2 pairs")
            self._finite("finite-batch-2", pairs.head(2), two)
        one = self._values("shape-1", pairs.head(1))
        if one is not None:
            self._passed("shape-1", "shape (1,) for 1 pair")
            self._finite("finite-batch-1", pairs.head(1), one, required=False)

    def _start_of_training(self) -> None:
        start = inputs.untrained(BATCH).to(torch.float32)
        values = self._values("finite-start", start)
        if values is not None and self._finite("finite-start", start, values):
            slope = self._preference(values)
            self.pulls_at_start = _pull(values) > 0 or self._pulls_beside(start)
            self._note("gradient-start", bool((slope < 0).any()), f"mean slope in rho {_mean(slope):.3g} at rho = 0")
        equal = Quadruple(*(x.expand(8).clone() for x in inputs.realistic(1, first=5).to(torch.float32)))
        values = self._values("finite-equal-pairs", equal)
        if values is not None:
            self._finite("finite-equal-pairs", equal, values)

    def _pulls_beside(self, start: Quadruple) -> bool:
        """Whether a thousandth of a nat from the start it pulls, as a hinge at zero does and a square does not."""
        pulls = []
        for nats in (2**-10, 2**-4):
            signs = torch.where(torch.arange(BATCH) % 4 < 2, nats, -nats)
            chosen, rejected = start.policy_chosen + signs, start.policy_rejected + signs.roll(1)
            values = self._values("gradient-start", Quadruple(chosen, rejected, *start[2:]), required=False)
            pulls.append(_pull(values) if values is not None else 0.0)
        return pulls[0] > STARTS * pulls[1]

    def _margins(self) -> None:
        furthest = min(LARGEST_MARGIN, LARGEST_SCALED_MARGIN / self.beta)
        pairs = inputs.along_rho(inputs.margins_up_to(furthest)).to(torch.float32)
        values = self._values("finite-extreme", pairs)
        if values is not None:
            self._finite("finite-extreme", pairs, values)
        pairs = inputs.along_rho(inputs.margins_up_to(10 * LARGEST_MARGIN, steps=40)).to(torch.float32)
        values = self._values("finite-beyond", pairs, required=False)
        if values is not None:
            self._finite("finite-beyond", pairs, values, required=False)

    def _large_beta(self, pairs: Quadruple) -> None:
        beta = 10 * self.beta
        values = self._values("finite-large-beta", pairs, beta=beta, required=False)
        if values is not None:
            self._finite("finite-large-beta", pairs, values, beta=beta, required=False)

    def _bfloat16(self) -> None:
        pairs = inputs.realistic(BATCH).to(torch.bfloat16)
        try:
            values = self.evaluate(pairs, self.beta)
        except LossRejected as rejection:
            if rejection.code in FATAL:
                self._refuse("dtype-bfloat16", rejection)
            measured = f"in bfloat16, which the lab never trains in: {rejection.message}"
            if rejection.code == "exception":
                measured += "; for a trainer that does, begin with policy_chosen_logps.float() and so on"
            self._note("dtype-bfloat16", False, measured)
            return
        self._finite("dtype-bfloat16", pairs, values, required=False)

    def _gradient(self, values: LossValues, pairs: Quadruple) -> bool:
        largest = _pull(values) * BATCH
        try:
            flaw = rounding.flaw(self.evaluate, values, pairs, self.beta)
        except LossRejected as rejection:
            self._refuse("gradient-exists", rejection)
            return False
        if flaw is not None:
            self._refuse("gradient-exists", flaw)
            return False
        self._passed("gradient-exists", f"largest derivative in a policy log-probability {largest:.3g}")
        if not self.pulls_at_start:
            message = (
                "No derivative where training begins: at rho = 0 the loss pulls on no pair. Let it pull there too."
            )
            self._refuse("gradient-start", LossRejected("gradient", message))
            return False
        slope = self._preference(values)
        right = int((slope < 0).sum())
        measured = f"towards the chosen answer for {right} of {BATCH} pairs, mean slope in rho {_mean(slope):.3g}"
        if right:
            self._passed("gradient-direction", measured)
        else:
            message = f"Wrong direction: the loss pulls towards the chosen answer on 0 of {BATCH} pairs. {DIRECTION}"
            self._refuse("gradient-direction", LossRejected("gradient", message), measured)
        return right > 0

    def _every_size(self) -> None:
        try:
            flaw, measured = flaw_by_size(self.evaluate, self.beta)
        except LossRejected as rejection:
            self._refuse("batch-sizes", rejection)
            return
        if flaw is None:
            self._passed("batch-sizes", measured)
        else:
            self._refuse("batch-sizes", flaw, measured)

    def _descent(self) -> None:
        try:
            found = descend(self.evaluate, self.beta)
            flaw = found.rejection() if found is not None else None
            documented = (
                flaw is not None and flaw.code == "runaway" and lowers_both_on_purpose(self.evaluate, self.beta)
            )
        except LossRejected as rejection:
            self._refuse("descent", rejection)
            return
        if found is None:
            self._note("descent", False, "no finite derivative early in training")
        elif flaw is None:
            self._passed("descent", found.measured)
        elif documented:
            self._note("descent", False, f"APO-down, which lowers both answers on purpose: {found.measured}")
        else:
            self._refuse("descent", flaw, found.measured)

    def _deterministic(self, first: LossValues, pairs: Quadruple) -> None:
        again = self._values("deterministic", pairs)
        if again is None:
            return
        difference = max(
            _largest(_difference(first.losses, again.losses)),
            _largest(_difference(first.policy_chosen_grad, again.policy_chosen_grad)),
            _largest(_difference(first.policy_rejected_grad, again.policy_rejected_grad)),
        )
        measured = f"largest difference between two calls {difference:.3g}"
        if difference == 0:
            self._passed("deterministic", measured)
        else:
            message = f"the same inputs gave different values: {measured}"
            self._refuse("deterministic", LossRejected("nondeterministic", message))

    def _preference(self, values: LossValues) -> Tensor:
        """Each pair's derivative from rejected to chosen; negative where the loss prefers chosen."""
        return (values.policy_chosen_grad - values.policy_rejected_grad).double() * (len(values.losses) / 2)

    def _values(
        self, name: str, pairs: Quadruple, *, beta: float | None = None, required: bool = True, stop: bool = False
    ) -> LossValues | None:
        """Evaluates, or records why that failed."""
        try:
            return self.evaluate(pairs, self.beta if beta is None else beta)
        except LossRejected as rejection:
            if required or rejection.code in FATAL:
                self._refuse(name, rejection, stop=stop)
            else:
                self._note(name, False, str(rejection))
            return None

    def _finite(
        self, name: str, pairs: Quadruple, values: LossValues, *, beta: float | None = None, required: bool = True
    ) -> bool:
        beta = self.beta if beta is None else beta
        vectors = {"loss values": values.losses, "derivatives": values.policy_chosen_grad + values.policy_rejected_grad}
        for what, vector in vectors.items():
            bad = (~torch.isfinite(vector)).nonzero().flatten()
            if len(bad) == 0:
                continue
            rho = pairs.rho.double()[bad]
            worst = float(rho[rho.abs().argmin()])
            found = "NaN" if bool(torch.isnan(vector[bad]).any()) else "infinity"
            measured = f"{found} in the {what} of {len(bad)} of {len(vector)} pairs, first at rho = {worst:.4g}"
            measured += f", beta * rho = {beta * worst:.3g}"
            if required:
                details: dict[str, JSONScalar] = {"rho": worst, "beta": beta, "pairs": len(bad), "check": name}
                message = f"{found} in the {what} at rho = {worst:.4g}. {on_nonfinite(worst, beta * worst)}"
                message = message[0].upper() + message[1:]
                self._refuse(name, LossRejected("nonfinite", message, details=details), measured)
            else:
                self._note(name, False, measured)
            return False
        largest = max(_largest(v) for v in vectors.values())
        margins = pairs.rho.abs().max().item()
        measured = f"finite for |rho| up to {margins:.4g}, beta = {beta:g}; largest magnitude {largest:.3g}"
        self.report.checks.append(Check(name, True, measured, required))
        return True

    def _passed(self, name: str, measured: str) -> None:
        self.report.checks.append(Check(name, True, measured))

    def _note(self, name: str, passed: bool, measured: str) -> None:
        self.report.checks.append(Check(name, passed, measured, required=False))

    def _refuse(self, name: str, rejection: LossRejected, measured: str | None = None, *, stop: bool = False) -> None:
        required = not (self.control and rejection.code in FLAWS_OF_GRADIENT)
        rejection = with_advice(rejection)
        self.report.checks.append(Check(name, False, measured or rejection.message, required))
        if required:
            self.report.rejections.append(rejection)
        if stop or rejection.code in FATAL:
            raise _Stopped


def _pull(values: LossValues) -> float:
    """The largest derivative in a policy log-probability."""
    return max(_largest(values.policy_chosen_grad), _largest(values.policy_rejected_grad))


def _largest(vector: Tensor) -> float:
    return float(vector.double().abs().max())


def _mean(vector: Tensor) -> float:
    return float(vector.double().mean())


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """Zero where both are NaN or the same infinity."""
    same = (a == b) | (torch.isnan(a) & torch.isnan(b))
    return torch.where(same, torch.zeros_like(a), torch.nan_to_num(a - b, nan=1.0, posinf=1.0, neginf=-1.0))
