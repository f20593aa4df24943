"""Scores of texts under any sequence-classification model: a reward model's number, or a class's log-odds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from losslab_trainer.finetune.checkpoint import load_checkpoint
from losslab_trainer.finetune.dialogue import written
from losslab_trainer.finetune.memory import is_out_of_memory, release
from losslab_trainer.finetune.models import model_folder, without_dropout
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.settings import ModelSettings
from losslab_trainer.finetune.sides import borders_of, by_borders
from losslab_trainer.finetune.tokenizer import fit, load_tokenizer, require_rows

TEXTS_AT_ONCE = 16


@dataclass(frozen=True)
class Classifier:
    """A model with one output (a reward model), or with several classes of which one is meant."""

    model: Any
    tokenizer: Any
    positive: int | None  # the class whose probability counts; None for a reward model
    name: str

    @staticmethod
    def load(settings: ModelSettings, label: str | None) -> Classifier:
        """``label`` names the class that counts; needed where there are several. Raises FinetuneProblem."""
        folder = model_folder(settings, "judge model")
        device = torch.device("cuda" if settings.device != "cpu" and torch.cuda.is_available() else "cpu")
        dtype = torch.float32 if settings.dtype == "auto" else getattr(torch, settings.dtype)
        model = load_checkpoint(
            AutoModelForSequenceClassification,
            folder,
            f"judge model {settings.path}",
            dtype=dtype,
        )
        without_dropout(model)
        positive = _positive(model.config, label, settings.path)
        tokenizer = load_tokenizer(folder, settings)
        fit(tokenizer, model, f"judge model {settings.path}")
        if model.config.get_text_config().pad_token_id is None:
            model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
        return Classifier(model.to(device).eval(), tokenizer, positive, settings.path)

    def scores(self, ids: Sequence[Sequence[int]]) -> list[float]:
        """The reward, or the probability of the class that counts, of each text. Out of memory halves the batch."""
        texts = (("an answer that it is to judge", row) for row in ids)
        require_rows(self.tokenizer, self.model, f"judge model {self.name}", texts)
        found = [0.0] * len(ids)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]), reverse=True)
        side = by_borders(borders_of(self.model))  # texts on both sides of one are not judged together
        rows, start = TEXTS_AT_ONCE, 0
        while start < len(order):
            first = side(len(ids[order[start]]))
            part = [i for i in order[start : start + rows] if side(len(ids[i])) == first]
            try:
                values: list[float] | None = self._scores([ids[i] for i in part])
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if rows == 1:
                    raise FinetuneProblem("out of memory judging a single answer; take a smaller judge model") from None
                values = None
            if values is None:
                rows //= 2
                print(f"reward: out of memory; going on with {rows} texts at once", file=sys.stderr)
                release(self.model.device)
                continue
            for i, value in zip(part, values, strict=True):
                found[i] = value
            start += len(part)
        return found

    def _scores(self, ids: Sequence[Sequence[int]]) -> list[float]:
        width = max(map(len, ids))
        pad = self.tokenizer.pad_token_id or 0
        device = self.model.device
        rows = torch.tensor([list(row) + [pad] * (width - len(row)) for row in ids], device=device)
        lengths = torch.tensor([len(row) for row in ids], device=device)
        mask = (torch.arange(width, device=device) < lengths[:, None]).long()
        with torch.inference_mode():
            logits = self.model(rows, attention_mask=mask).logits.float()
        values = logits[:, 0] if self.positive is None else logits.softmax(-1)[:, self.positive]
        if not bool(values.isfinite().all()):
            raise FinetuneProblem(
                f"judge model {self.name}: its scores are not finite numbers; give another checkpoint"
            )
        numbers: list[float] = values.tolist()
        return numbers

    def encode(
        self, turns: Sequence[str], answers: Sequence[str], *, answer_only: bool, continued: bool = False
    ) -> list[int]:
        """Token ids of a dialogue by the model's own chat template, or of the answers alone.

        A model without a template gets plain text: the question's turn, a blank line, the answer; no blank line where
        answers are ``continued`` from their turns.
        """
        if answer_only:
            text, special = "\n\n".join(answers), True
        elif self.tokenizer.chat_template is None:
            text, special = _plain(turns, answers, "" if continued else "\n\n"), True
        else:
            messages = [
                {"role": role, "content": content}
                for pair in zip(turns, answers, strict=False)
                for role, content in zip(("user", "assistant"), pair, strict=True)
            ]
            text, special = written(self.tokenizer, messages, f"judge model {self.name}"), False
        # RoBERTa has fewer usable positions than embeddings; its tokenizer knows how many.
        positions = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        longest = min(positions or self.tokenizer.model_max_length, self.tokenizer.model_max_length)
        ids: list[int] = self.tokenizer(text, add_special_tokens=special)["input_ids"]
        return ids if len(ids) <= longest else ids[-longest:]


def _plain(turns: Sequence[str], answers: Sequence[str], between: str) -> str:
    """A dialogue as one text."""
    return "\n\n".join(turn + between + answer for turn, answer in zip(turns, answers, strict=False))


def _positive(config: Any, label: str | None, name: str) -> int | None:
    if config.num_labels == 1:
        if label is not None:
            raise FinetuneProblem(f"judge model {name}: it has one output, a reward; leave `label` out")
        return None
    labels = {str(text): int(index) for index, text in config.id2label.items()}
    if label is None or label not in labels:
        asked = "no label is given" if label is None else f"{label!r} is none of them"
        raise FinetuneProblem(f"judge model {name}: it has the classes {', '.join(labels)} and {asked}; name the one")
    return labels[label]
