"""A dialogue as the chat template writes it for a model that is to answer or to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from losslab_trainer.data import rendering
from losslab_trainer.data.template import brief
from losslab_trainer.finetune.problem import FinetuneProblem


def written(tokenizer: Any, messages: Sequence[Mapping[str, Any]], what: str, *, generation: bool = False) -> str:
    """Raises FinetuneProblem, which begins with ``what``, where the template refuses the dialogue."""
    try:
        return rendering.write(tokenizer, messages, generation=generation)
    except rendering.TemplateStopped:
        raise
    except Exception as error:  # a template is a program and may raise anything
        roles = ", ".join(str(message.get("role")) for message in messages)
        raise FinetuneProblem(
            f"{what}: the chat template refuses a dialogue of {roles} ({brief(error)}); choose another with "
            "--chat-template, or leave out what it refuses"
        ) from None
