"""The words of a picture: what it shows, and what the reader must know to believe it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from losslab_trainer.plotting.job import PlottedLoss

LONGEST_NAMES = 45  # characters of all names together that fit into a title


def title_of(losses: Sequence[PlottedLoss], job: Mapping[str, Any]) -> str:
    names = ", ".join(loss.name for loss in losses)
    parts = [names if len(names) <= LONGEST_NAMES else f"{len(losses)} losses"]
    if len({loss.beta for loss in losses}) == 1:
        parts.append(f"beta {losses[0].beta:g}")
    if job["data"]:
        parts.append(f"world {job['world']}")
    return "  ·  ".join(parts)


def notes_of(losses: Sequence[PlottedLoss], job: Mapping[str, Any]) -> list[str]:
    """Lines under the title: how the curves were taken, whose margins those are, and what rho leaves out."""
    level = f"{losses[0].profile.level:.0f}"
    notes = [
        f"Curves: the policy's chosen value goes up, its rejected value down by rho / 2, from the reference's {level}."
    ]
    if job["data"]:
        rate, seed = f"{job['training']['learningRate']:g}", job["training"]["seed"]
        notes.append(
            f"Behind: rho of the {job['pairs']['count']:,} training pairs at the end (learning rate {rate}, seed "
            f"{seed}). At the start, all are at 0."
        )
    others = [loss.name for loss in losses if loss.profile.others]
    if len(others) == 1:
        notes.append(f"{others[0]} depends on more than rho: thin lines reach the same rho in other ways.")
    elif others:
        named = ", ".join(others) if len(", ".join(others)) <= LONGEST_NAMES else f"{len(others)} of them"
        notes.append(f"{named} depend on more than rho: thin lines reach the same rho in other ways.")
    return notes


def rho_label(job: Mapping[str, Any]) -> str:
    scale = f" times the world's scale of {job['training']['logpScale']:g}" if job["data"] else ""
    return f"rho, the policy's log-ratio of chosen to rejected over the reference's (nats{scale})"
