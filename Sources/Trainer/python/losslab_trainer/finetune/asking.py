"""How a policy is asked without a suite: plain prompts that it continues, or turns of a dialogue that it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from losslab_trainer.data import rendering
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.rows import Message, Text
from losslab_trainer.data.template import chosen_template, doubts
from losslab_trainer.data.written import missing
from losslab_trainer.finetune.classifier import Classifier
from losslab_trainer.finetune.generation import answer_text, prompt_ids
from losslab_trainer.finetune.models import LoadedModel


@dataclass(frozen=True)
class Asking:
    """How prompts become tokens, tokens text, and texts a row: plain, or by the policy's chat template."""

    loaded: LoadedModel
    plain: bool

    @staticmethod
    def of(job: Mapping[str, Any], loaded: LoadedModel) -> Asking:
        tokenizer, settings = loaded.tokenizer, loaded.settings
        if settings.chat_template is not None:
            tokenizer.chat_template = chosen_template(tokenizer, settings.chat_template)
        if job.get("plain") or job.get("promptTokens") is not None:
            tokenizer.chat_template = None
        plain = tokenizer.chat_template is None
        if not plain and not settings.accept_template:
            doubt = doubts(tokenizer, chosen_template(tokenizer, None), system=False)
            if doubt:
                raise DataProblem(
                    f"the chat template is doubtful: {doubt}. Choose with --chat-template, take it with "
                    "--accept-template, or continue prompts as they stand with --plain"
                )
        return Asking(loaded, plain)

    def ids(self, prompt: Text) -> list[int]:
        return prompt_ids(self.loaded.tokenizer, self.messages(prompt))

    def says_all(self, prompt: Text) -> bool:
        """Whether the chat template writes every word of a prompt."""
        if self.plain or self.loaded.settings.accept_template:
            return True
        tokenizer = self.loaded.tokenizer
        try:
            written = rendering.write(tokenizer, self.messages(prompt), generation=True)
        except rendering.TemplateStopped:
            raise
        except Exception:  # a template is a program and may raise anything
            return False
        turns = [Message("user", prompt)] if isinstance(prompt, str) else prompt
        return not any(part.is_serious for part in missing("prompt", turns, written, chosen_template(tokenizer, None)))

    def can_be_judged(self, prompt: Text) -> bool:
        """Whether each turn of the user's but the last has one answer: the judge reads questions with their answers."""
        roles = [message["role"] for message in self.messages(prompt) if message["role"] in {"user", "assistant"}]
        return roles == [("user", "assistant")[i % 2] for i in range(len(roles))] and len(roles) % 2 == 1

    def is_judged_without_turns(self, prompt: Text) -> bool:
        return any(message["role"] not in {"user", "assistant"} for message in self.messages(prompt))

    def messages(self, prompt: Text) -> list[dict[str, Any]]:
        if isinstance(prompt, str):
            return [{"role": "user", "content": prompt}]
        return [message.to_json() for message in prompt]

    def answer(self, prompt: Sequence[int], tokens: Sequence[int]) -> str:
        """The new text. A plain one begins with its own space, so that prompt and answer are one text again."""
        return answer_text(self.loaded.tokenizer, prompt, tokens)

    def row(self, prompt: Text, chosen: str, rejected: str) -> dict[str, object]:
        """A pair in the layout with an explicit prompt."""
        if self.plain:
            return {"prompt": prompt, "chosen": chosen, "rejected": rejected}
        chosen_turn, rejected_turn = ([{"role": "assistant", "content": text}] for text in (chosen, rejected))
        return {"prompt": self.messages(prompt), "chosen": chosen_turn, "rejected": rejected_turn}

    def judged_ids(self, prompt: Text, answer: str, judge: Classifier, *, answer_only: bool) -> list[int]:
        """What the judge reads; turns of the system and of tools are not shown to it."""
        messages = self.messages(prompt)
        said = {role: [m["content"] for m in messages if m["role"] == role] for role in ("user", "assistant")}
        return judge.encode(said["user"], [*said["assistant"], answer], answer_only=answer_only, continued=self.plain)
