"""What is trained, scored and answered, computed plainly: transformers alone, one sequence at a time, no padding.

Nothing here is from the code that it is compared with.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from finetune_models import sentence
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

Message = dict[str, str]
Sides = tuple[list[int], list[int], list[int]]  # prompt, chosen and rejected, the answers without the prompt


@dataclass(frozen=True)
class Dialogue:
    """A pair: what was said before, and two answers. Texts begin and end without white space."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str

    @property
    def asked(self) -> str:
        return self.prompt[-1]["content"]

    @property
    def is_short(self) -> bool:
        return len(self.prompt) == 1


def dialogues(count: int, *, longest: int = 14, seed: int = 0) -> list[Dialogue]:
    """One or three turns; some answers begin alike, hold several lines, or signs that no tokenizer has seen."""
    rng = random.Random(seed)
    found = []
    for i in range(count):
        turns = [{"role": "user", "content": f"{i} {sentence(rng, rng.randint(2, longest))}"}]
        if i % 3 == 2:
            turns.append({"role": "assistant", "content": sentence(rng, 4)})
            turns.append({"role": "user", "content": f"why is {sentence(rng, 3)}?"})
        start = sentence(rng, i % 4)
        sides = [f"{start} {sentence(rng, rng.randint(1, longest))}".strip() for _ in range(2)]
        sides[i % 2] += ("", "\n\nSo: yes.", " naïve ☃", "!")[i % 4]
        found.append(Dialogue(tuple(turns), sides[0] + " a", sides[1] + " because"))
    return found


def shared(*sides: list[int]) -> int:
    """How many tokens all begin with."""
    return next((i for i, tokens in enumerate(zip(*sides, strict=False)) if len(set(tokens)) > 1), min(map(len, sides)))


def of_texts(tokenizer: Any, texts: tuple[str, str, str], *, special: bool) -> Sides:
    """The prompt is what the ids of all three begin with; what follows is trained."""
    prompt, chosen, rejected = (tokenizer(text, add_special_tokens=special).input_ids for text in texts)
    begin = shared(prompt, chosen, rejected)
    return prompt[:begin], chosen[begin:], rejected[begin:]


def of_dialogue(tokenizer: Any, dialogue: Dialogue, template: str | None = None) -> Sides:
    """By the chat template, with the generation prompt behind what was said before."""

    def written(*answer: str, generation: bool = False) -> str:
        messages = [*dialogue.prompt, *({"role": "assistant", "content": text} for text in answer)]
        text: str = tokenizer.apply_chat_template(
            messages, chat_template=template, tokenize=False, add_generation_prompt=generation
        )
        return text

    texts = (written(generation=True), written(dialogue.chosen), written(dialogue.rejected))
    return of_texts(tokenizer, texts, special=False)


def of_plain(tokenizer: Any, prompt: str, chosen: str, rejected: str) -> Sides:
    """As text; one end behind an answer, whether the tokenizer writes it or not, and none behind the prompt."""
    end = tokenizer.eos_token_id
    texts = (prompt, prompt + chosen, prompt + rejected)
    sides = [tokenizer(text, add_special_tokens=True).input_ids for text in texts]
    if sides[0][-1] == end:
        sides[0] = sides[0][:-1]
    sides[1:] = [ids if ids[-1] == end else [*ids, end] for ids in sides[1:]]
    begin = shared(*sides)
    return sides[0][:begin], sides[1][begin:], sides[2][begin:]


@dataclass(frozen=True)
class Plain:
    """A checkpoint as transformers loads it."""

    model: Any
    tokenizer: Any

    @staticmethod
    def of(folder: Path) -> Plain:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        return Plain(model, AutoTokenizer.from_pretrained(folder))

    def logps(self, pairs: Sequence[Sides]) -> tuple[Tensor, Tensor]:
        """(n,) nats, summed over the answers' tokens, for chosen and rejected."""
        chosen = [self._logp(prompt, answer) for prompt, answer, _ in pairs]
        rejected = [self._logp(prompt, answer) for prompt, _, answer in pairs]
        return torch.stack(chosen), torch.stack(rejected)

    def _logp(self, prompt: list[int], answer: list[int]) -> Tensor:
        ids = torch.tensor([prompt + answer])
        # Without the last token, behind which nothing is predicted: a policy that writes it has not read it.
        logps = self.model(ids[:, :-1], use_cache=False).logits[0].log_softmax(-1)
        # What comes first in a text is predicted by nothing.
        places = torch.arange(max(1, len(prompt)), ids.shape[1])
        summed: Tensor = logps[places - 1, ids[0, places]].sum()
        return summed

    def greedy(self, prompt: list[int], stops: set[int], limit: int) -> list[int]:
        """The likeliest token after each, without a cache, up to and with the first that stops."""
        ids = list(prompt)
        with torch.no_grad():
            while len(ids) < len(prompt) + limit:
                ids.append(int(self.model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
                if ids[-1] in stops:
                    break
        return ids[len(prompt) :]

    def gradient_norm(self, loss: Tensor) -> float:
        """Of all weights, tied ones once."""
        gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        return float(torch.stack([gradient.norm() for gradient in gradients]).norm())
