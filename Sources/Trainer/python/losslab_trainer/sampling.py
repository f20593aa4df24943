"""Sampling answers: batched, with a key-value cache, two turns, the same for a seed whatever else is in the batch.

Each token needs one uniform number, a hash of (seed, dialogue, turn, sample, position), put through the inverse of the
token distribution. So an answer does not depend on which other dialogues were asked for, and two policies that agree
nearly everywhere give nearly the same answers under one seed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslab_trainer.decoding import Decoder, decoder_of
from losslab_trainer.forward import Forward, forward_of
from losslab_trainer.policy import Message, Policy, encode_prompts, stop_token_ids

ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Reply:
    """One sampled answer and the tokens behind it; ``token_ids`` ends with the stop token unless it was cut off."""

    prompt_ids: list[int]
    token_ids: list[int]
    text: str


@dataclass(frozen=True)
class SamplingPlan:
    """How often, how hot and by which seed each dialogue is sampled. Temperature 0 is greedy."""

    temperature: float
    samples: int
    seed: int


def sample_answers(
    model: Any,
    tokenizer: Any,
    dialogues: Sequence[Sequence[str]],
    *,
    temperature: float,
    samples: int,
    seed: int,
    max_new_tokens: int,
) -> list[list[list[str]]]:
    """The policy's answers, as [dialogue][sample][turn].

    A dialogue is its user turns; each turn sees the policy's own answers before it. Temperature 0 is greedy.
    A dialogue given twice is sampled anew.
    """
    plan = SamplingPlan(temperature, samples, seed)
    (replies,) = sample_dialogues(Policy(model, tokenizer), dialogues, [plan], max_new_tokens=max_new_tokens)
    return [[[reply.text for reply in turns] for turns in of_dialogue] for of_dialogue in replies]


def sample_replies(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Sequence[Message]],
    *,
    temperature: float,
    samples: int,
    seed: int,
    max_new_tokens: int,
) -> list[list[str]]:
    """One next answer, ``samples`` times, to each conversation, as [conversation][sample]. Else as sample_answers."""
    plan = SamplingPlan(temperature, samples, seed)
    blocks = [[list(conversation)] for conversation in conversations]
    (replies,) = _sample(Policy(model, tokenizer), forward_of(model), blocks, [plan], max_new_tokens)
    return [[turns[0].text for turns in of_conversation] for of_conversation in replies]


def sample_dialogues(
    policy: Policy,
    dialogues: Sequence[Sequence[str]],
    plans: Sequence[SamplingPlan],
    *,
    max_new_tokens: int,
    forward: Forward | None = None,
) -> list[list[list[list[Reply]]]]:
    """Answers with their tokens, as [plan][dialogue][sample][turn]; several plans at once cost less than one by one.

    ``forward`` is used instead of the policy's model when it is given: it may hold weights in training.
    """
    blocks = [[[{"role": "user", "content": turn}] for turn in dialogue] for dialogue in dialogues]
    return _sample(policy, forward or forward_of(policy.model), blocks, plans, max_new_tokens)


def _sample(
    policy: Policy,
    forward: Forward,
    blocks: list[list[list[Message]]],  # [dialogue][turn]: the messages before the turn's answer
    plans: Sequence[SamplingPlan],
    max_new_tokens: int,
) -> list[list[list[list[Reply]]]]:
    sampler = _BatchSampler(policy, forward, plans, max_new_tokens)
    names = _names(blocks)
    by_dialogue: list[list[list[Reply]]] = [[] for _ in blocks]
    with torch.inference_mode():
        for turns in sorted({len(block) for block in blocks}):
            alike = [i for i, block in enumerate(blocks) if len(block) == turns]
            size = max(1, ROWS_AT_ONCE // sampler.rows_per_dialogue)
            for start in range(0, len(alike), size):
                part = alike[start : start + size]
                of_part = sampler.sample([blocks[i] for i in part], [names[i] for i in part])
                for i, rows in zip(part, of_part, strict=True):
                    by_dialogue[i] = rows
    ends = list(accumulate(plan.samples for plan in plans))
    return [[rows[end - plan.samples : end] for rows in by_dialogue] for plan, end in zip(plans, ends, strict=True)]


class _BatchSampler:
    """Samples dialogues that have the same number of turns, by all plans at once."""

    def __init__(self, policy: Policy, forward: Forward, plans: Sequence[SamplingPlan], max_new_tokens: int) -> None:
        self.policy = policy
        self.forward = forward
        self.plans = plans
        self.rows_per_dialogue = sum(plan.samples for plan in plans)
        self.max_new_tokens = max_new_tokens
        self.stop_ids = stop_token_ids(policy)

    def sample(self, blocks: list[list[list[Message]]], names: list[str]) -> list[list[list[Reply]]]:
        """As [dialogue][sample of the first plan, then of the next ...][turn]."""
        each = self.rows_per_dialogue
        rows = len(blocks) * each
        row_keys = numpy.array(
            [_key(plan.seed, name, i) for name in names for plan in self.plans for i in range(plan.samples)]
        )
        of_dialogue = [plan.temperature for plan in self.plans for _ in range(plan.samples)]
        temperatures = torch.tensor(of_dialogue, device=self.forward.parameters[0].device).repeat(len(blocks))
        conversations = [list(blocks[row // each][0]) for row in range(rows)]
        decoder = decoder_of(self.forward, len(blocks))
        fed: list[list[int]] = []  # per row, the tokens in the cache
        replies: list[list[Reply]] = [[] for _ in range(rows)]
        for turn in range(len(blocks[0])):
            if turn == 0:
                # The samples of one dialogue share its first prompt: encode it once.
                first = encode_prompts(self.policy.tokenizer, conversations[::each])
                prompts = [first[row // each] for row in range(rows)]
                decoder.reserve(max(map(len, first)) + self.max_new_tokens)
                logits = decoder.extend(first).repeat_interleave(each, 0)
                decoder.repeat(each)
            else:
                for row, conversation in enumerate(conversations):
                    conversation.append({"role": "assistant", "content": replies[row][-1].text})
                    conversation.extend(blocks[row // each][turn])
                prompts = encode_prompts(self.policy.tokenizer, conversations)
                logits = self._continue(decoder, prompts, fed)
            uniforms = _uniforms(row_keys, turn, self.max_new_tokens)
            answers = self._decode(decoder, logits, torch.from_numpy(uniforms).to(decoder.device), temperatures)
            texts = self.policy.tokenizer.batch_decode(answers, skip_special_tokens=True)
            for row in range(rows):
                replies[row].append(Reply(prompts[row], answers[row], texts[row].strip()))
            # The last token was sampled but never fed.
            fed = [prompt + answer[:-1] for prompt, answer in zip(prompts, answers, strict=True)]
        return [replies[i : i + each] for i in range(0, rows, each)]

    def _continue(self, decoder: Decoder, prompts: list[list[int]], fed: list[list[int]]) -> Tensor:
        """Feeds what the cache does not hold yet of each prompt."""
        decoder.restore()
        new: list[list[int]] = []
        for row, (prompt, cached) in enumerate(zip(prompts, fed, strict=True)):
            # At least one token must be fed, or there are no logits.
            pairs = zip(prompt[:-1], cached, strict=False)
            common = len(cached) if prompt[: len(cached)] == cached else sum(1 for _ in takewhile(_same, pairs))
            common = min(common, len(prompt) - 1)
            if common < len(cached):
                decoder.keep_prefix(row, common)
            new.append(prompt[common:])
        decoder.reserve(max(map(len, new)) + self.max_new_tokens)
        return decoder.extend(new)

    def _decode(self, decoder: Decoder, logits: Tensor, uniforms: Tensor, temperatures: Tensor) -> list[list[int]]:
        """Samples every row until it stops; the decoder is left with the rows that went on longest."""
        tokens = torch.zeros(decoder.rows, self.max_new_tokens, dtype=torch.long, device=decoder.device)
        lengths = torch.full((decoder.rows,), self.max_new_tokens, device=decoder.device)
        stops = torch.tensor(sorted(self.stop_ids), device=decoder.device)
        for position in range(self.max_new_tokens):
            going = decoder.order[: decoder.rows]
            chosen = _choose(logits, uniforms[going, position], temperatures[going])
            tokens[going, position] = chosen
            stopped = torch.isin(chosen, stops)
            if bool(stopped.any()):
                lengths[going[stopped]] = position + 1
                chosen = chosen[decoder.drop(stopped)]
            if decoder.rows == 0 or position + 1 == self.max_new_tokens:
                break
            logits = decoder.step(chosen)
        return [row[:length] for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]


def _choose(logits: Tensor, uniform: Tensor, temperatures: Tensor) -> Tensor:
    """A token for each row: the one at which the cumulative distribution passes the row's uniform number."""
    greedy = temperatures == 0
    if bool(greedy.all()):
        return logits.argmax(-1)
    cumulative = torch.softmax(logits.float() / temperatures.masked_fill(greedy, 1)[:, None], -1).cumsum(-1)
    # Scaled by the sum as rounded, so that a uniform near 1 still finds a token.
    threshold = (uniform * cumulative[:, -1])[:, None]
    drawn = torch.searchsorted(cumulative, threshold, right=True)[:, 0].clamp(max=logits.shape[-1] - 1)
    return torch.where(greedy, logits.argmax(-1), drawn)


def _same(pair: tuple[int, int]) -> bool:
    return pair[0] == pair[1]


def _names(blocks: list[list[list[Message]]]) -> list[str]:
    """What names each dialogue: its text, and how many equal ones come before it."""
    seen: Counter[str] = Counter()
    names = []
    for block in blocks:
        text = repr([[(m["role"], m["content"]) for m in messages] for messages in block])
        names.append(f"{seen[text]}/{text}")
        seen[text] += 1
    return names


def _key(seed: int, name: str, sample: int) -> numpy.uint64:
    digest = hashlib.blake2b(f"{seed}/{sample}/{name}".encode(), digest_size=8).digest()
    return numpy.uint64(int.from_bytes(digest, "little"))


def _spread(values: NDArray[numpy.uint64]) -> NDArray[numpy.uint64]:
    return (values + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15)  # splitmix64's increment; overflow wraps


def _mix(values: NDArray[numpy.uint64]) -> NDArray[numpy.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014): one well-mixed number for each."""
    values = (values ^ (values >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return values ^ (values >> numpy.uint64(31))


def _uniforms(row_keys: NDArray[numpy.uint64], turn: int, positions: int) -> NDArray[numpy.float32]:
    """Uniform numbers in [0, 1), (rows, positions), one stream per row and turn."""
    turn_keys = _mix(row_keys + _spread(numpy.array([turn], dtype=numpy.uint64)))
    mixed = _mix(turn_keys[:, None] + _spread(numpy.arange(positions, dtype=numpy.uint64))[None, :])
    return ((mixed >> numpy.uint64(40)).astype(numpy.float64) * 2.0**-24).astype(numpy.float32)
