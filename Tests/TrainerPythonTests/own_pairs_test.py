"""The probe on the ground's own pairs: faults that only the training's pairs, batch sizes and beta bring out."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

from losslab_trainer.contract import LossRejected  # noqa: E402
from losslab_trainer.in_process_loss import InProcessLoss  # noqa: E402
from losslab_trainer.reference_cache import ReferenceLogps  # noqa: E402
from losslab_trainer.screening import header  # noqa: E402
from losslab_trainer.screening.forms import to_file_form  # noqa: E402
from losslab_trainer.screening.gate import violations  # noqa: E402
from losslab_trainer.screening.job import measuring_in_process  # noqa: E402
from losslab_trainer.screening.own_pairs import Ground, require_sound_on  # noqa: E402
from losslab_trainer.screening.probe import probe  # noqa: E402

LOSSES = {path.stem: path for path in sorted((Path(__file__).resolve().parents[2] / "losses").glob("*/*.py"))}
NAMES = "policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps"
HEAD = (
    f"import torch\nimport torch.nn.functional as F\n\n\ndef loss({NAMES}, beta):\n"
    "    x = beta * (policy_chosen_logps - policy_rejected_logps - reference_chosen_logps + reference_rejected_logps)\n"
    "    n = x.shape[0]\n"
    "    far = float(reference_chosen_logps.detach().mean())\n"
)
# Sound on the probe's tensors, whose answers have a few hundred nats and whose batches end at 256.
ODD = {
    "NaN at 80 pairs": ("return -F.logsigmoid(x) if n != 80 else torch.log(x - 1e6)", "nonfinite", "batch of 80"),
    "the other way at 80 pairs": ("return -F.logsigmoid(x if n != 80 else -x)", "gradient", "batch of 80"),
    "the other way where answers are long": (
        "return -F.logsigmoid(x if far > -2500 else -x)",
        "gradient",
        "64 of them",
    ),
    "NaN where answers are long": ("return -F.logsigmoid(x) * (1 if far > -2500 else math.nan)", "nonfinite", "own"),
    "nothing where answers are long": ("return -F.logsigmoid(x if far > -2500 else 0 * x)", "gradient", "0 of 64"),
}


def ground(size: int, nats: float = 3000.0, pairs: int = 400, beta: float = 0.05) -> Ground:
    generator = torch.Generator().manual_seed(1)
    chosen, rejected = -nats * (0.9 + 0.2 * torch.rand(2, pairs, generator=generator, dtype=torch.float64))
    return Ground(list(torch.split(torch.arange(pairs), size)), ReferenceLogps(chosen, rejected), beta, 1.0)


@pytest.mark.parametrize("name", ODD)
def test_what_screening_cannot_see_is_refused_before_the_first_step(name: str) -> None:
    body, code, words = ODD[name]
    source = to_file_form(HEAD + "    " + body).source
    assert violations(source) == []
    assert probe(measuring_in_process(InProcessLoss(source))).rejections == []
    with pytest.raises(LossRejected) as caught:
        require_sound_on(ground(80), InProcessLoss(source))
    assert caught.value.code == code and words in caught.value.message
    assert caught.value.details["check"] == "own-pairs"


def test_a_size_that_is_left_over_counts_too() -> None:
    source = to_file_form(HEAD + "    return -F.logsigmoid(x if n != 90 else -x)").source
    require_sound_on(ground(300, pairs=600), InProcessLoss(source))
    with pytest.raises(LossRejected, match="batch of 90 of the training's own pairs"):
        require_sound_on(ground(300, pairs=690), InProcessLoss(source))


@pytest.mark.parametrize("name", LOSSES)
def test_the_catalogue_passes_on_pairs_of_every_length_batch_and_beta(name: str) -> None:
    source = LOSSES[name].read_text()
    control = header.read(source).get("control") is True
    for nats in (10.0, 300.0, 3000.0):
        for size in (1, 2, 16, 100):
            for beta in (0.005, 0.08, 0.5):
                if nats * beta < 300:
                    require_sound_on(ground(size, nats, 130, beta), InProcessLoss(source), control=control)


def test_a_batch_of_one_may_have_no_value_and_few_pairs_no_direction() -> None:
    spread = to_file_form(HEAD + "    return -F.logsigmoid(x / (x.detach().std() + 1))").source
    require_sound_on(ground(16, pairs=33), InProcessLoss(spread))
    turns = to_file_form(HEAD + "    return -F.logsigmoid(x if far > -2500 else -x)").source
    require_sound_on(ground(4, pairs=7), InProcessLoss(turns))
    with pytest.raises(LossRejected, match="8 of them"):
        require_sound_on(ground(4, pairs=8), InProcessLoss(turns))
    require_sound_on(Ground([], ReferenceLogps(torch.empty(0), torch.empty(0)), 0.1, 1.0), InProcessLoss(turns))


def test_a_control_needs_no_derivative() -> None:
    require_sound_on(ground(16), InProcessLoss(LOSSES["zero"].read_text()), control=True)
