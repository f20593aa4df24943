"""A short descent on free log-probabilities: whether a loss, minimised, raises chosen over rejected.

The toy policy is the four vectors and no model: each pair's two log-probabilities move against their derivatives, and
take half of each other's step with them, since a policy's answers to one prompt share most of what they are made of.
What only pushes rejected down therefore takes chosen with it, as it does in training. Step sizes follow the largest
gradient so far, so that a loss that is satisfied comes to rest and one that explodes does not jump.

The thresholds were set by 84 trainings, one loss each, in the world length-biased, and held in 27 more: of 37 losses
refused, the best scored 6.0 where the untrained policy has 5.9. What training punishes and this does not see: losses
without a reference, which must pass, and what only the data make fatal (Tests/TrainerPythonTests/trainable_losses.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from losslab_trainer.contract import JSONScalar, LossRejected
from losslab_trainer.screening import inputs
from losslab_trainer.screening.advice import DIRECTION
from losslab_trainer.screening.inputs import Evaluate, Quadruple

PAIRS = 64
STEPS = 48
STEP = 0.05  # root mean square of a step in beta * logps
SHARED = 0.5  # of the other answer's step
HIGHEST = -0.01  # in beta * logps
MOVED = 0.02 * STEP  # in beta * logps; less is rest
LEAST_RIGHT = 0.6  # share of the moved pairs whose margin must rise; DiscoPOP's LRML has 0.83, -|rho| has 0.48
FALLING = 0.9  # share of the pairs whose chosen answer falls
KEEPS_PACE = 0.05  # of rejected's fall: what keeps more trained to 2.2 to 4.8, where the untrained policy has 5.9


@dataclass(frozen=True)
class Descent:
    """Where a descent began and ended. Means are over pairs, in nats."""

    steps: int
    rose: int  # pairs whose margin rose
    fell: int  # pairs whose margin fell
    chosen: float  # mean change of the chosen log-probability
    rejected: float  # mean change of the rejected one
    chosen_fell: float  # share of pairs whose chosen log-probability fell
    before: float  # mean margin rho
    after: float

    @property
    def measured(self) -> str:
        return (
            f"after {self.steps} steps the margin rose on {self.rose} and fell on {self.fell} of {PAIRS} pairs; "
            f"chosen moved by {self.chosen:+.3g} nats, rejected by {self.rejected:+.3g}"
        )

    @property
    def runaway(self) -> bool:
        """Whether both answers of nearly all pairs fall, the chosen one not much slower."""
        return self.chosen_fell >= FALLING and self.rejected < 0 and self.chosen < KEEPS_PACE * self.rejected

    @property
    def wrong(self) -> bool:
        moved = self.rose + self.fell
        return moved == 0 or self.rose < LEAST_RIGHT * moved

    def rejection(self) -> LossRejected | None:
        """Why the loss cannot train, in one sentence with one number and one with what to do."""
        details: dict[str, JSONScalar] = {"check": "descent", "rose": self.rose, "fell": self.fell, "pairs": PAIRS}
        if self.runaway:
            fall = f"the chosen answer's log-probability fell by {-self.chosen:.2g} nats, with the rejected one's"
            advice = "Reward policy_chosen_logps more than policy_rejected_logps is punished."
            return LossRejected("runaway", f"Runaway: after {self.steps} steps {fall}. {advice}", details=details)
        if not self.wrong:
            return None
        if self.rose + self.fell == 0:
            what, advice = "No preference: after {steps} steps the margin moved on 0 of {pairs} pairs", DIRECTION
        elif self.rose < (1 - LEAST_RIGHT) * (self.rose + self.fell):
            what = "Wrong direction: after {steps} steps the margin of chosen over rejected fell by {fall:.2g} nats"
            advice = DIRECTION
        else:
            what = "Wrong direction on many pairs: after {steps} steps the margin fell on {fell} of {pairs} pairs"
            advice = "Pull the margin up where it is negative too."
        what = what.format(steps=self.steps, pairs=PAIRS, fell=self.fell, fall=self.before - self.after)
        return LossRejected("gradient", f"{what}. {advice}", details=details)


def descend(evaluate: Evaluate, beta: float) -> Descent | None:
    """Takes STEPS steps; fewer where a derivative is not finite. ``None`` when not even the first can be taken."""
    start = inputs.around_reference(PAIRS, beta).to(torch.float32)
    chosen, rejected = start.policy_chosen, start.policy_rejected
    largest, steps = 0.0, 0
    for _ in range(STEPS):
        found = evaluate(Quadruple(chosen, rejected, *start[2:]), beta)
        for_chosen, for_rejected = found.policy_chosen_grad, found.policy_rejected_grad
        size = float(torch.cat((for_chosen, for_rejected)).double().square().mean().sqrt())
        if not math.isfinite(size):
            break
        largest = max(largest, size)
        if largest > 0:
            scale = STEP / beta / largest
            steps_down = (for_chosen + SHARED * for_rejected, for_rejected + SHARED * for_chosen)
            # A probability stays below 1.
            chosen = (chosen - scale * steps_down[0]).clamp(max=HIGHEST / beta)
            rejected = (rejected - scale * steps_down[1]).clamp(max=HIGHEST / beta)
        steps += 1
    if steps == 0:
        return None
    end = Quadruple(chosen, rejected, *start[2:])
    change = (end.rho - start.rho).double() * beta
    return Descent(
        steps=steps,
        rose=int((change > MOVED).sum()),
        fell=int((change < -MOVED).sum()),
        chosen=_mean(chosen - start.policy_chosen),
        rejected=_mean(rejected - start.policy_rejected),
        chosen_fell=_mean((chosen < start.policy_chosen).double()),
        before=_mean(start.rho),
        after=_mean(end.rho),
    )


def lowers_both_on_purpose(evaluate: Evaluate, beta: float) -> bool:
    """Whether this is APO-down, up to a factor: made for a policy better than both answers, and lowers both.

    sigmoid(beta * chosen ratio) - sigmoid(beta * rho), arXiv:2408.06266, eq. 8.
    """
    start = inputs.around_reference(PAIRS, beta).to(torch.float32)
    found = evaluate(start, beta)
    ratio = torch.sigmoid(beta * (start.policy_chosen - start.reference_chosen))
    margin = torch.sigmoid(beta * start.rho)
    of_ratio, of_margin = ratio * (1 - ratio), margin * (1 - margin)
    expected = torch.cat((of_ratio - of_margin, of_margin))
    measured = torch.cat((found.policy_chosen_grad, found.policy_rejected_grad)).double()
    return float(torch.nn.functional.cosine_similarity(expected, measured, dim=0)) > 1 - 1e-5


def _mean(vector: Tensor) -> float:
    return float(vector.double().mean())
