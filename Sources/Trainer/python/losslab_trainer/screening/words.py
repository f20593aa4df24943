"""A loss's shape in sentences, for people and for a model that proposes the next loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from losslab_trainer.screening.shape import Shape


def sentences(shape: Shape) -> list[str]:
    """What was measured, one fact a sentence of at most twenty words, the most telling first."""
    if shape.flat:
        return ["It is flat in rho: nothing is learned."]
    return [*_course(shape), *_ends(shape), *_arguments(shape), *_beta(shape), *_batch(shape)]


def _course(shape: Shape) -> list[str]:
    found = []
    if shape.monotone == "decreasing":
        found.append("It falls, or stays level, as rho grows.")
    elif shape.monotone == "increasing":
        found.append("It rises, or stays level, as rho grows: it prefers the rejected answer.")
    elif shape.maxima or (shape.minima and shape.minimum_at is None):
        turns = [(rho, "minimum") for rho in shape.minima] + [(rho, "maximum") for rho in shape.maxima]
        places = ", ".join(f"{what} at rho = {rho:.4g}" for rho, what in sorted(turns)[:4])
        found.append(f"It falls and rises with rho: {places}.")
    elif shape.minimum_at is None:
        found.append("It falls and rises with rho.")
    if shape.minimum_at is not None:
        found.append(f"It is lowest at rho = {shape.minimum_at:.4g} and pulls larger margins back.")
    found.append("It is convex in rho." if shape.convex else "It is not convex in rho.")
    if shape.jump_at is not None:
        found.append(f"It jumps near rho = {shape.jump_at:.3g}.")
    return found


def _ends(shape: Shape) -> list[str]:
    if shape.slope_left is None or shape.slope_right is None:
        return ["It is not finite on all of -20 <= beta * rho <= 20."]
    found = []
    for side, slope, margin in (("badly ordered", shape.slope_left, -20), ("well ordered", shape.slope_right, 20)):
        pull = abs(slope) / shape.beta  # 1 is the pull of a linear loss
        if pull < 1e-3:
            text = "it hardly pulls"
        elif slope > 0:
            text = f"it pulls towards rejected, {pull:.2g} times a linear loss"
        else:
            text = f"it pulls {pull:.2g} times a linear loss"
        found.append(f"On {side} pairs (beta * rho = {margin}) {text}.")
    return found


def _arguments(shape: Shape) -> list[str]:
    if shape.reference_free:
        return ["It does not use the reference."]
    if shape.depends_only_on_rho:
        return ["It depends on rho alone."]
    return ["It depends on more than rho."]


def _beta(shape: Shape) -> list[str]:
    if shape.beta_only_scales:
        return ["beta only scales rho." if shape.depends_only_on_rho else "beta only scales the log-probabilities."]
    if shape.beta_factor is not None:
        return [f"Four times beta scales it by {shape.beta_factor:.3g} besides."]
    return ["beta changes its form."]


def _batch(shape: Shape) -> list[str]:
    if not shape.batch_coupled:
        return ["Each pair stands alone."]
    return [f"Other pairs of the batch change a pair's loss by up to {100 * shape.batch_coupling:.3g} %."]
