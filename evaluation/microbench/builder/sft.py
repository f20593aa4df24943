"""Supervised fine-tuning of a world's policy: two phases of next-word prediction on what writers wrote."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from builder.dialogue import Words, WorldDesign
from builder.questions import draw_other_dialogue
from builder.sft_settings import SFTSettings
from builder.tokenizer import ASSISTANT, END, PAD, USER
from builder.writers import Writer


def new_policy(design: WorldDesign, vocabulary: dict[str, int], settings: SFTSettings) -> LlamaForCausalLM:
    """An untrained policy of Llama's shape with tied embeddings."""
    torch.manual_seed(design.seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=settings.width,
        intermediate_size=settings.feed_forward,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=settings.longest,
        tie_word_embeddings=True,
        pad_token_id=vocabulary[PAD],
        bos_token_id=None,
        eos_token_id=vocabulary[END],
        initializer_range=0.05,
    )
    return LlamaForCausalLM(config)


class SFTBatches:
    """Batches of written dialogues: tokens (B, T) and labels (B, T), -100 where nothing is to be learnt."""

    def __init__(self, design: WorldDesign, vocabulary: dict[str, int], taken: set[tuple[Words, Words]]) -> None:
        self.design = design
        self.vocabulary = vocabulary
        self.taken = taken
        self.random = Random(f"sft {design.seed}")
        self.writer = Writer(design, self.random)

    def draw(self, size: int, faulty: bool) -> tuple[Tensor, Tensor]:
        rows: list[list[int]] = []
        learnt: list[list[bool]] = []
        for _ in range(size):
            dialogue = draw_other_dialogue(self.design, self.taken, self.random)
            row: list[int] = []
            mask: list[bool] = []
            for turn in dialogue.turns:
                write = self.writer.faulty if faulty else self.writer.uneven
                prompt = [USER, *turn.prompt, ASSISTANT]
                answer = [*write(dialogue.category, turn.body), END]
                row += [self.vocabulary[word] for word in (*prompt, *answer)]
                mask += [False] * len(prompt) + [True] * len(answer)
            rows.append(row)
            learnt.append(mask)
        longest = max(map(len, rows))
        tokens = torch.full((size, longest), self.vocabulary[PAD])
        labels = torch.full((size, longest), -100)
        for index, (row, mask) in enumerate(zip(rows, learnt, strict=True)):
            tokens[index, : len(row)] = torch.tensor(row)
            labels[index, : len(row)] = torch.tensor([t if m else -100 for t, m in zip(row, mask, strict=True)])
        return tokens, labels


def train_sft(
    design: WorldDesign, vocabulary: dict[str, int], taken: set[tuple[Words, Words]], settings: SFTSettings
) -> LlamaForCausalLM:
    """The world's policy after both phases. One thread, one seed: the same machine gives the same weights."""
    torch.set_num_threads(1)
    policy = new_policy(design, vocabulary, settings)
    batches = SFTBatches(design, vocabulary, taken)
    for phase in (
        _Phase(False, settings.steps, settings.learning_rate, settings.batch_size),
        _Phase(True, settings.faulty_steps, settings.faulty_learning_rate, settings.batch_size),
    ):
        _train(policy, batches, phase)
    return policy


@dataclass(frozen=True)
class _Phase:
    faulty: bool  # who writes
    steps: int
    learning_rate: float
    batch_size: int


def _train(policy: LlamaForCausalLM, batches: SFTBatches, phase: _Phase) -> None:
    """AdamW with a short warm-up and a cosine down to a twentieth."""
    optimizer = torch.optim.AdamW(
        policy.parameters(), lr=phase.learning_rate, betas=(0.9, 0.95), weight_decay=0.01, fused=True
    )
    started = time.monotonic()
    policy.train()
    for step in range(phase.steps):
        warm = min(1.0, (step + 1) / 50)
        for group in optimizer.param_groups:
            group["lr"] = (
                phase.learning_rate * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / phase.steps)))
            )
        tokens, labels = batches.draw(phase.batch_size, phase.faulty)
        logits = policy(input_ids=tokens[:, :-1]).logits
        loss = F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own annotation lacks it
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 99:
            writers = "faulty" if phase.faulty else "uneven"
            seconds = time.monotonic() - started
            print(f"{writers} writers: {step + 1}/{phase.steps}, loss {loss.item():.3f}, {seconds:.0f} s", flush=True)
