"""The losses that the grammar proposer renders: the code computes what its tree means, and passes screening.

``Tests/Fixtures/grammar/proposals.json`` holds rendered files with values and partial derivatives by the proposer's own
evaluator in Swift; a Swift test keeps it in step with the grammar. The Python below knows nothing of the grammar.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

from losslab_trainer.in_process_loss import InProcessLoss  # noqa: E402
from losslab_trainer.screening import gate  # noqa: E402
from losslab_trainer.screening.fingerprint import fingerprint, same  # noqa: E402
from losslab_trainer.screening.forms import to_file_form  # noqa: E402
from losslab_trainer.screening.job import measured_result, measuring_in_process  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = json.loads((ROOT / "Tests/Fixtures/grammar/proposals.json").read_text())
ENTRIES: dict[str, dict[str, Any]] = {
    f"{index}-{entry['name']}": entry for index, entry in enumerate(FIXTURE["entries"])
}
CATALOGUE = [key for key, entry in ENTRIES.items() if entry.get("catalogue")]
PROPOSALS = [key for key in ENTRIES if key not in CATALOGUE]
LOGPS = ("policyChosen", "policyRejected", "referenceChosen", "referenceRejected")


@pytest.mark.parametrize("key", ENTRIES)
def test_code_and_tree_agree_in_value_and_all_partial_derivatives(key: str) -> None:
    entry = ENTRIES[key]
    evaluator = InProcessLoss(entry["text"])
    for beta in {point["beta"] for point in FIXTURE["points"]}:
        chosen = [index for index, point in enumerate(FIXTURE["points"]) if point["beta"] == beta]
        logps = [
            torch.tensor([FIXTURE["points"][index][name] for index in chosen], dtype=torch.float64) for name in LOGPS
        ]
        found = evaluator.evaluate(logps[0], logps[1], logps[2], logps[3], beta, reference_grads=True)
        values = torch.tensor([entry["values"][index] for index in chosen], dtype=torch.float64)
        torch.testing.assert_close(found.losses, values, rtol=1e-9, atol=1e-9)
        grads = (
            found.policy_chosen_grad,
            found.policy_rejected_grad,
            found.reference_chosen_grad,
            found.reference_rejected_grad,
        )
        for axis, grad in enumerate(grads):
            expected = torch.tensor([entry["partials"][index][axis] for index in chosen], dtype=torch.float64)
            # The evaluator's derivatives are those of the mean over the batch.
            actual = torch.zeros_like(expected) if grad is None else grad * len(chosen)
            torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("key", CATALOGUE)
def test_a_catalogue_loss_in_the_grammar_is_that_catalogue_loss(key: str) -> None:
    name = ENTRIES[key]["catalogue"]
    file = next((ROOT / "losses").glob(f"*/{name}.py"))
    assert same(_fingerprint(ENTRIES[key]["text"]), _fingerprint(file.read_text()))


@cache
def _screened() -> dict[str, dict[str, Any]]:
    results = {}
    for key in PROPOSALS:
        form = to_file_form(ENTRIES[key]["text"])
        assert gate.violations(form.source) == [], key
        results[key] = measured_result(form, measuring_in_process(InProcessLoss(form.source)), [])
    return results


def test_nearly_all_proposals_pass_screening() -> None:
    refused = {key: result["rejections"] for key, result in _screened().items() if not result["accepted"]}
    assert len(refused) <= 0.15 * len(PROPOSALS), refused


def test_few_proposals_repeat_the_catalogue_or_each_other() -> None:
    seen = [_fingerprint(path.read_text()) for path in sorted((ROOT / "losses").glob("*/*.py"))]
    repeated = []
    for key, result in _screened().items():
        if result["fingerprint"] is None:
            continue
        values = tuple(result["fingerprint"]["values"])
        if any(same(values, other) for other in seen):
            repeated.append(key)
        seen.append(values)
    assert len(repeated) < 0.15 * len(PROPOSALS), repeated


def test_the_header_is_read_back_as_it_was_meant() -> None:
    entry = ENTRIES[PROPOSALS[0]]
    header = to_file_form(entry["text"]).header
    assert header["name"] == entry["name"]
    assert header["origin"] == "discovered"
    assert header["beta"] == 0.05


@cache
def _fingerprint(text: str) -> tuple[float, ...]:
    found = fingerprint(measuring_in_process(InProcessLoss(text)))
    assert found is not None
    return found.values
