"""Sampling answers from a real model: batches with a key-value cache, the chat template, several turns."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from losslab_trainer.answers import Question
from losslab_trainer.data.special import plain_ids, written_ids
from losslab_trainer.finetune.dialogue import written
from losslab_trainer.finetune.memory import is_out_of_memory, release
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.sides import Side, borders_of, by_borders
from losslab_trainer.finetune.stopping import stop_ids, without_habits

ROWS_AT_ONCE = {"cpu": 32, "cuda": 128}


@dataclass(frozen=True)
class Answer:
    """One sampled answer: its text and its tokens, the stop token among them if it came."""

    text: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]


@dataclass(frozen=True)
class Shape:
    """What bends sampling beside the temperature; as it stands here, nothing does."""

    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    @staticmethod
    def read(given: Mapping[str, Any] | None) -> Shape:
        """As a job says it; what it leaves out bends nothing."""
        names = {"topP": "top_p", "topK": "top_k", "minP": "min_p", "repetitionPenalty": "repetition_penalty"}
        return Shape(**{names[key]: value for key, value in (given or {}).items() if value is not None})


@dataclass(frozen=True)
class Plan:
    """How often, how hot and by which seed each question is answered. Temperature 0 is greedy."""

    temperature: float
    samples: int
    seed: int
    shape: Shape = field(default_factory=Shape)

    def transformers_options(self) -> dict[str, Any]:
        """For `generate`; a checkpoint's own settings are none of them."""
        shape = self.shape
        how: dict[str, Any] = {"do_sample": False}
        if self.temperature > 0:
            how = {"do_sample": True, "temperature": self.temperature, "top_k": shape.top_k, "top_p": shape.top_p}
            if shape.min_p > 0:
                how["min_p"] = shape.min_p
        if shape.repetition_penalty != 1:
            how["repetition_penalty"] = shape.repetition_penalty
        return how

    def vllm_options(self) -> dict[str, Any]:
        """For vLLM's SamplingParams, which writes "all tokens" as -1."""
        shape = self.shape
        return {
            "temperature": self.temperature,
            "seed": self.seed if self.temperature > 0 else None,
            "top_p": shape.top_p,
            "top_k": shape.top_k or -1,
            "min_p": shape.min_p,
            "repetition_penalty": shape.repetition_penalty,
        }


class Engine(Protocol):
    """Continues prompts."""

    def complete(self, prompts: Sequence[Sequence[int]], plan: Plan, max_new_tokens: int) -> list[list[int]]:
        """The new tokens after each prompt, up to and with the stop token."""
        ...


class TransformersEngine:
    """transformers' generate, in batches padded on the left."""

    def __init__(self, model: Any, tokenizer: Any, side: Side | None = None) -> None:
        """``side`` where one was found by trying (sides.py), else what the configuration names."""
        self.model = model
        self.tokenizer = tokenizer
        self.device: torch.device = next(model.parameters()).device
        self._side = side or by_borders(borders_of(model))

    def complete(self, prompts: Sequence[Sequence[int]], plan: Plan, max_new_tokens: int) -> list[list[int]]:
        """See Engine. Out of memory is answered by smaller batches."""
        found: list[list[int]] = [[] for _ in prompts]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]), reverse=True)
        rows, start = ROWS_AT_ONCE[self.device.type], 0
        torch.manual_seed(plan.seed)
        while start < len(order):
            part = self._alike(order[start : start + rows], prompts, plan, max_new_tokens)
            try:
                new = self._generate([prompts[i] for i in part], plan, max_new_tokens)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if rows == 1:
                    raise FinetuneProblem("out of memory sampling a single answer; lower maxNewTokens") from None
                new = None
            if new is None:
                rows = (rows + 1) // 2
                print(f"finetune: out of memory sampling; going on with {rows} answers at once", file=sys.stderr)
                release(self.device)
                continue
            for i, tokens in zip(part, new, strict=True):
                found[i] = tokens
            start += len(part)
        return found

    def _alike(self, order: list[int], prompts: Sequence[Sequence[int]], plan: Plan, new: int) -> list[int]:
        """The first of these, sorted by length, that can be continued together by up to ``new`` tokens.

        Where the rotary tables switch with the length, a batch has one of them (sides.py). So prompts on different
        sides are apart, and where answers may cross, only prompts of one length do so at the same token. A repetition
        penalty counts padding as written, often the token that ends an answer: there too only one length goes together.
        """

        def kind(i: int) -> tuple[Hashable, int]:
            length = len(prompts[i])
            together = self._side(length) == self._side(length + new) and plan.shape.repetition_penalty == 1
            return self._side(length), 0 if together else length

        return [i for i in order if kind(i) == kind(order[0])]

    def _generate(self, prompts: Sequence[Sequence[int]], plan: Plan, max_new_tokens: int) -> list[list[int]]:
        width = max(map(len, prompts))
        pad = self.tokenizer.pad_token_id or 0
        ids = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=self.device)
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=self.device)
        mask = (torch.arange(width, device=self.device) >= width - lengths[:, None]).long()
        stops = stop_ids(self.model, self.tokenizer)
        with torch.inference_mode(), without_habits(self.model):
            rows = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=max_new_tokens,
                eos_token_id=sorted(stops),
                pad_token_id=pad,
                use_cache=True,
                **plan.transformers_options(),
            )[:, width:].tolist()
        return [cut(row, stops) for row in rows]


class VllmEngine:
    """vLLM, where it is installed and a GPU is there; it reads the model from a folder."""

    def __init__(self, folder: Path, tokenizer: Any, stops: frozenset[int]) -> None:
        from vllm import LLM  # noqa: PLC0415  # optional

        self.engine = LLM(model=str(folder), gpu_memory_utilization=0.5)
        self.stops = stops

    def complete(self, prompts: Sequence[Sequence[int]], plan: Plan, max_new_tokens: int) -> list[list[int]]:
        """See Engine."""
        from vllm import SamplingParams, TokensPrompt  # noqa: PLC0415

        parameters = SamplingParams(max_tokens=max_new_tokens, stop_token_ids=sorted(self.stops), **plan.vllm_options())
        outputs = self.engine.generate([TokensPrompt(prompt_token_ids=list(p)) for p in prompts], parameters)
        return [list(output.outputs[0].token_ids) for output in outputs]


def vllm_is_here() -> bool:
    return torch.cuda.is_available() and importlib.util.find_spec("vllm") is not None


def answer_questions(
    engine: Engine, tokenizer: Any, questions: Sequence[Question], plan: Plan, max_new_tokens: int
) -> list[list[list[Answer]]]:
    """As [question][sample][turn]; each turn sees the policy's own answers before it."""
    messages: list[list[dict[str, str]]] = [[] for _ in questions for _ in range(plan.samples)]
    found: list[list[Answer]] = [[] for _ in messages]
    for turn in range(max((len(question.turns) for question in questions), default=0)):
        rows = [i for i in range(len(messages)) if turn < len(questions[i // plan.samples].turns)]
        for i in rows:
            messages[i].append({"role": "user", "content": questions[i // plan.samples].turns[turn]})
        prompts = [prompt_ids(tokenizer, messages[i]) for i in rows]
        seed = stream(plan.seed, f"turn {turn}")
        completed = engine.complete(prompts, replace(plan, seed=seed), max_new_tokens)
        for i, prompt, tokens in zip(rows, prompts, completed, strict=True):
            text = answer_text(tokenizer, prompt, tokens)
            messages[i].append({"role": "assistant", "content": text.strip()})
            found[i].append(Answer(text, tuple(prompt), tuple(tokens)))
    return [found[i * plan.samples : (i + 1) * plan.samples] for i in range(len(questions))]


def answer_text(tokenizer: Any, prompt: Sequence[int], tokens: Sequence[int]) -> str:
    """What was said; empty where that is nothing but space.

    Without a chat template the answer goes on where its prompt ends and begins with the space between the two, if any:
    prompt and answer together are the text that was written.
    """
    if tokenizer.chat_template is not None:
        return str(tokenizer.decode(tokens, skip_special_tokens=True)).strip()
    head, whole = (
        tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        for ids in (prompt, [*prompt, *tokens])
    )
    # Half a character at the prompt's end becomes whole with the answer, and then belongs to neither.
    text: str = whole[len(head) :] if whole.startswith(head) else tokenizer.decode(tokens, skip_special_tokens=True)
    return text if text.strip() else ""


def prompt_ids(tokenizer: Any, messages: Sequence[Mapping[str, Any]]) -> list[int]:
    """A dialogue up to where the next answer begins; plain text where the tokenizer has no chat template."""
    if tokenizer.chat_template is None:
        text = "\n\n".join(message["content"] for message in messages)
        return plain_ids(tokenizer, [text])[0]
    return written_ids(tokenizer, [written(tokenizer, messages, "a question", generation=True)])[0]


def cut(tokens: list[int], stops: frozenset[int]) -> list[int]:
    """The tokens up to and with the first that stops; what follows is padding."""
    end = next((i for i, token in enumerate(tokens) if token in stops), None)
    return tokens if end is None else tokens[: end + 1]


def stream(seed: int, name: str) -> int:
    """A seed of its own for each sampling, the same for every loss: answers are compared in pairs."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=6).digest(), "little")
