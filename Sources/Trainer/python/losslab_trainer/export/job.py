"""The export job: a loss in file form goes out in the form of others. Nothing of the loss is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from losslab_trainer.export.discopop import to_discopop
from losslab_trainer.export.parts import LossParts, take_apart
from losslab_trainer.export.trl_file import to_trl
from losslab_trainer.screening.forms import to_file_form

if TYPE_CHECKING:
    from losslab_trainer.serve import Context, Job

WRITERS: Mapping[str, Callable[[LossParts], str]] = {"trl": to_trl, "discopop": to_discopop}


def export(job: Job, context: Context | None = None) -> dict[str, object]:
    """``{"text": ...}`` of ``source`` in the form ``to``. Raises LossRejected where the source is no usable loss."""
    source, form = job.get("source"), job.get("to")
    if not isinstance(source, str) or form not in WRITERS:
        raise ValueError(f"an export job has a source, and a form `to` among {', '.join(WRITERS)}")
    return {"text": WRITERS[str(form)](take_apart(to_file_form(source).source))}
