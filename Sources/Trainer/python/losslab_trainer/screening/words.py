"""A loss's shape in sentences, for people and for a model that proposes the next loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from losslab_trainer.screening.shape import Shape


def sentences(shape: Shape) -> list[str]:
    """What was measured, one fact a sentence, the most telling first."""
    if shape.flat:
        return ["It is flat in the margin rho: nothing is learned from it."]
    return [*_course(shape), *_ends(shape), *_arguments(shape), *_beta(shape), *_batch(shape)]


def _course(shape: Shape) -> list[str]:
    found = []
    if shape.monotone == "decreasing":
        found.append("It falls, or stays level, as the margin rho grows.")
    elif shape.monotone == "increasing":
        found.append("It rises, or stays level, as the margin rho grows: it prefers the rejected answer.")
    elif shape.minima or shape.maxima:
        turns = [(rho, "minimum") for rho in shape.minima] + [(rho, "maximum") for rho in shape.maxima]
        places = ", ".join(f"a {what} at rho = {rho:.4g}" for rho, what in sorted(turns)[:6])
        found.append(f"It falls and rises with the margin rho: {places}.")
    else:
        found.append("It falls and rises with the margin rho.")
    if shape.minimum_at is not None:
        found.append(f"It is lowest at rho = {shape.minimum_at:.4g} and pulls larger margins back there.")
    found.append("It is convex in rho." if shape.convex else "It is not convex in rho.")
    if shape.jump_at is not None:
        found.append(f"Its value jumps near rho = {shape.jump_at:.3g}.")
    return found


def _ends(shape: Shape) -> list[str]:
    if shape.slope_left is None or shape.slope_right is None:
        return ["It is not finite on all of -20 <= beta * rho <= 20, even in float64."]
    found = []
    for side, slope, margin in (("badly ordered", shape.slope_left, -20), ("well ordered", shape.slope_right, 20)):
        pull = abs(slope) / shape.beta  # 1 is the pull of a linear loss
        if pull < 1e-3:
            text = "it has all but stopped pulling"
        elif pull > 10:
            text = f"it pulls {pull:.3g} times as hard as a linear loss"
        elif slope > 0:
            text = "it pulls towards the rejected answer"
        else:
            text = f"it still pulls, {pull:.2g} times as hard as a linear loss"
        found.append(f"On {side} pairs (beta * rho = {margin}) {text}: slope {slope:.3g}.")
    return found


def _arguments(shape: Shape) -> list[str]:
    if shape.reference_free:
        return ["It does not use the reference: nothing ties the policy to where it started."]
    if shape.depends_only_on_rho:
        return ["It depends on the four log-probabilities only through rho."]
    return ["It depends on more than rho: the log-probabilities also enter apart from each other."]


def _beta(shape: Shape) -> list[str]:
    if shape.beta_only_scales:
        return ["beta only scales the log-probabilities."]
    if shape.beta_factor is not None:
        return [f"beta scales the log-probabilities, and the loss by {shape.beta_factor:.3g} when beta grows fourfold."]
    return ["beta changes the form of the loss, not only its scale: what is tuned at one beta does not carry over."]


def _batch(shape: Shape) -> list[str]:
    if not shape.batch_coupled:
        return ["A pair's loss does not depend on the rest of its batch."]
    percent = 100 * shape.batch_coupling
    return [f"A pair's loss depends on its batch: with other pairs beside it, it changed by up to {percent:.3g} %."]
