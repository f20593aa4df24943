"""Reference log-probabilities: computed once, found again by content, computed anew when the content changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from losslab_trainer import reference_cache
from losslab_trainer.forward import forward_of
from losslab_trainer.pairs import PairSet
from losslab_trainer.policy import Policy
from losslab_trainer.reference_cache import compute_reference_logps, reference_key, reference_logps
from tiny_policy import random_pair_set, tiny_policy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def policy() -> Policy:
    return tiny_policy(layers=1, width=32)


@pytest.fixture(scope="module")
def pairs(policy: Policy) -> PairSet:
    return random_pair_set(policy, 70)


def test_the_second_time_nothing_is_computed(
    policy: Policy, pairs: PairSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = reference_logps(policy, forward_of(policy.model), pairs, tmp_path)
    monkeypatch.setattr(reference_cache, "compute_reference_logps", lambda *_: pytest.fail("computed again"))
    second = reference_logps(policy, forward_of(policy.model), pairs, tmp_path)
    assert torch.equal(first.chosen, second.chosen)
    assert torch.equal(first.rejected, second.rejected)


def test_a_damaged_file_is_computed_again(policy: Policy, pairs: PairSet, tmp_path: Path) -> None:
    first = reference_logps(policy, forward_of(policy.model), pairs, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    assert torch.equal(reference_logps(policy, forward_of(policy.model), pairs, tmp_path).chosen, first.chosen)
    path.write_bytes(b"")
    assert torch.equal(reference_logps(policy, forward_of(policy.model), pairs, tmp_path).chosen, first.chosen)


def test_the_key_changes_with_weights_configuration_and_pairs(policy: Policy, pairs: PairSet) -> None:
    keys = {reference_key(policy, pairs), reference_key(policy, random_pair_set(policy, 70, seed=1))}
    other = tiny_policy(layers=1, width=32)
    assert reference_key(other, pairs) in keys
    other.model.config.rms_norm_eps = 1e-5
    keys.add(reference_key(other, pairs))
    other = tiny_policy(layers=1, width=32)
    with torch.no_grad():
        other.model.model.norm.weight[0] += 1e-6
    keys.add(reference_key(other, pairs))
    assert len(keys) == 4


def test_values_equal_those_of_each_completion_alone(policy: Policy, pairs: PairSet) -> None:
    values = compute_reference_logps(forward_of(policy.model), pairs)
    for i in (0, 13, 69):
        prompt_length, chosen_length, _ = pairs.lengths[i].tolist()
        prompt, chosen = pairs.prompts[i, -prompt_length:], pairs.chosen[i, :chosen_length]
        with torch.no_grad():
            logits = policy.model(torch.cat([prompt, chosen])[None]).logits[0, prompt_length - 1 : -1]
        expected = logits.log_softmax(-1).gather(1, chosen[:, None]).sum()
        assert values.chosen[i] == pytest.approx(float(expected), rel=1e-5)
