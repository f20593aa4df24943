"""The losses that evidence is gathered for: the catalogue, and hand-made probes of what a search could find."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from losslab_trainer.in_process_loss import InProcessLoss

from builder.world_files import MICROBENCH

CATALOGUE = MICROBENCH.parent.parent / "losses"
PROBES = MICROBENCH / "probes"


@dataclass(frozen=True)
class Loss:
    """A loss file of this repository: trusted, so it runs in this process."""

    name: str
    kind: str  # "catalogue", "control" or "probe"
    source: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.source.encode()).hexdigest()

    def uses_beta(self) -> bool:
        """Whether beta changes the gradient. If not, one beta stands for all in the grid."""
        generator = torch.Generator().manual_seed(0)
        chosen, rejected, *reference = (-200 * torch.rand(8, generator=generator) - 1 for _ in range(4))
        loss = InProcessLoss(self.source)
        small, large = (loss.evaluate(chosen, rejected, reference[0], reference[1], beta) for beta in (0.01, 0.3))
        return not (
            torch.equal(small.policy_chosen_grad, large.policy_chosen_grad)
            and torch.equal(small.policy_rejected_grad, large.policy_rejected_grad)
        )


def catalogue() -> list[Loss]:
    """Every loss file of the catalogue but the discovered ones, by name."""
    folders = ("baselines", "published")
    return _read(path for folder in folders for path in (CATALOGUE / folder).glob("*.py"))


def probes() -> list[Loss]:
    """Hand-made losses that let reference log-probabilities in as weights."""
    return _read(PROBES.glob("*.py"))


def _read(paths: Iterable[Path]) -> list[Loss]:
    return [_loss(path) for path in sorted(paths, key=lambda path: path.stem)]


def _loss(path: Path) -> Loss:
    source = path.read_text(encoding="utf-8")
    if path.parent == PROBES:
        kind = "probe"
    else:
        kind = "control" if re.search(r"^# control: true$", source, re.MULTILINE) else "catalogue"
    return Loss(path.stem, kind, source)
