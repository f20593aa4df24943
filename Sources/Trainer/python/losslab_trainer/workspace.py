"""What jobs share while the trainer lives: policies, tokenised pairs and reference log-probabilities, loaded once."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from losslab_trainer.forward import Forward, forward_of
from losslab_trainer.pairs import PairSet, read_pairs, tokenize_pairs
from losslab_trainer.policy import Policy, load_policy
from losslab_trainer.reference_cache import ReferenceLogps, reference_logps

Identity = tuple[str, int, int]  # a file's path, time of change in nanoseconds, and size


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy that stays as it was on disk, and a second model for jobs to train."""

    reference: Policy
    reference_forward: Forward
    trained_model: Any

    def fresh(self) -> tuple[Policy, Forward]:
        """The second model with the reference's weights again. There is one: the last caller's is gone."""
        with torch.no_grad():
            for mine, original in zip(self.trained_model.parameters(), self.reference.model.parameters(), strict=True):
                mine.copy_(original)
        return Policy(self.trained_model, self.reference.tokenizer), forward_of(self.trained_model)


class Workspace:
    """Loads by path, and again when a file has changed. Nothing in it depends on a loss."""

    def __init__(self) -> None:
        self._policies: dict[Identity, LoadedPolicy] = {}
        self._pairs: dict[tuple[Identity, Identity], tuple[PairSet, ReferenceLogps]] = {}

    def policy(self, directory: str) -> LoadedPolicy:
        key = _policy_identity(directory)
        if key not in self._policies:
            policy = load_policy(directory)
            model = copy.deepcopy(policy.model)
            self._policies[key] = LoadedPolicy(policy, forward_of(policy.model), model)
        return self._policies[key]

    def pairs(self, path: str, policy_directory: str, cache: Path | None) -> tuple[PairSet, ReferenceLogps]:
        """All pairs of a file, tokenised for a policy, with its log-probabilities of them."""
        key = (_identity(Path(path)), _policy_identity(policy_directory))
        if key not in self._pairs:
            loaded = self.policy(policy_directory)
            pairs = PairSet.of(tokenize_pairs(loaded.reference.tokenizer, read_pairs(path)))
            reference = reference_logps(loaded.reference, loaded.reference_forward, pairs, cache)
            self._pairs[key] = (pairs, reference)
        return self._pairs[key]


def _policy_identity(directory: str) -> Identity:
    weights = sorted(Path(directory).glob("*.safetensors"))
    return _identity(weights[0] if weights else Path(directory))


def _identity(path: Path) -> Identity:
    status = path.stat()
    return str(path.resolve()), status.st_mtime_ns, status.st_size
