"""A small Llama trained from scratch on the chosen answers of a preference set, for reruns without a downloaded model.

    python -m losslab_trainer.bench.small_llama --dataset train.jsonl.gz --output small-llama

Byte-level BPE and ChatML, both made from the set's own text; next-token prediction over prompt and chosen answer; AdamW
with a cosine schedule. The folder is in Hugging Face layout. What such a model can show: whether losses train, where
they break, how they move likelihoods on real text. What it cannot: that answers become better, since it writes none
worth reading.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from losslab_trainer.data.load import load_preferences
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.rows import PreferenceRow
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.data.template import TEMPLATES
from losslab_trainer.failures import run_program

IGNORED = -100  # label of a place that counts for nothing
PAD, END, START = "<|pad|>", "<|im_end|>", "<|im_start|>"


@dataclass(frozen=True)
class Size:
    """The defaults give 1.3 million parameters."""

    vocabulary: int = 4096
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    feed_forward: int = 352
    positions: int = 1024


@dataclass(frozen=True)
class Schedule:
    steps: int = 600
    tokens: int = 4096  # a step, padding included
    learning_rate: float = 3e-3
    warmup: int = 40
    seed: int = 1


def main(arguments: list[str]) -> int:
    """Trains and saves; 65 when the set cannot be read."""
    size, schedule = Size(), Schedule()
    parser = argparse.ArgumentParser(description="Train a small Llama on the chosen answers of a preference set.")
    parser.add_argument("--dataset", required=True, help="file, folder or Hub id of preference pairs")
    parser.add_argument("--split", default=None)
    parser.add_argument("--output", required=True, type=Path, help="folder for the model")
    parser.add_argument("--steps", type=int, default=schedule.steps)
    parser.add_argument("--tokens", type=int, default=schedule.tokens, help="tokens a step")
    parser.add_argument("--learning-rate", type=float, default=schedule.learning_rate)
    parser.add_argument("--seed", type=int, default=schedule.seed)
    parser.add_argument("--vocabulary", type=int, default=size.vocabulary)
    parser.add_argument("--hidden", type=int, default=size.hidden)
    parser.add_argument("--layers", type=int, default=size.layers)
    parser.add_argument("--max-length", type=int, default=512, help="tokens of prompt and answer; the rest is cut")
    options = parser.parse_args(arguments)
    try:
        data = load_preferences(DataSpec.from_json({"path": options.dataset, "split": options.split}))
    except DataProblem as problem:
        print(f"small_llama: {problem}", file=sys.stderr)
        return 65
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    dialogues = [dialogue(row) for row in data.rows]
    tokenizer = trained_tokenizer([text for messages in dialogues for text in texts(messages)], options.vocabulary)
    sequences = [tokenizer.apply_chat_template(messages, return_dict=False) for messages in dialogues]
    sequences = [sequence[: options.max_length] for sequence in sequences]
    size = Size(
        vocabulary=len(tokenizer),
        hidden=options.hidden,
        layers=options.layers,
        feed_forward=options.hidden * 11 // 4,
    )
    model = new_model(tokenizer, size)
    schedule = Schedule(options.steps, options.tokens, options.learning_rate, min(40, options.steps), options.seed)
    started = time.perf_counter()
    final = train(model, sequences, schedule)
    model.save_pretrained(options.output)
    tokenizer.save_pretrained(options.output)
    summary = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dialogues": len(sequences),
        "tokens": sum(map(len, sequences)),
        "steps": schedule.steps,
        "lossPerToken": round(final, 4),
        "seconds": round(time.perf_counter() - started, 1),
    }
    (options.output / "training.json").write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    print(json.dumps(summary))
    return 0


def dialogue(row: PreferenceRow) -> list[dict[str, str]]:
    """Prompt and chosen answer as messages; plain text becomes a question and its answer."""
    messages: list[dict[str, str]] = []
    for part, role in ((row.prompt, "user"), (row.chosen, "assistant")):
        if isinstance(part, str):
            messages.append({"role": role, "content": part})
        else:
            messages += [{"role": message.role, "content": message.content} for message in part]
    return messages


def texts(messages: Sequence[dict[str, str]]) -> list[str]:
    return [message["content"] for message in messages]


def trained_tokenizer(lines: Sequence[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE with ChatML's markers."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, additional_special_tokens=[START]
    )
    fast.chat_template = TEMPLATES["chatml"]
    return fast


def new_model(tokenizer: PreTrainedTokenizerFast, size: Size) -> LlamaForCausalLM:
    ids: dict[str, Any] = {
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size.vocabulary,
            hidden_size=size.hidden,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            intermediate_size=size.feed_forward,
            max_position_embeddings=size.positions,
            tie_word_embeddings=True,
            **ids,
        )
    )


def train(model: LlamaForCausalLM, sequences: Sequence[list[int]], schedule: Schedule) -> float:
    """Returns the mean loss per token, nats, of the last tenth of the steps."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=schedule.learning_rate, weight_decay=0.1, betas=(0.9, 0.95))
    losses: list[float] = []
    batches = endless_batches(sequences, schedule)
    model.train()
    for step in range(schedule.steps):
        tokens, labels = padded(next(batches), model.config.pad_token_id)
        share = step / max(schedule.steps, 1)
        rate = schedule.learning_rate * min((step + 1) / max(schedule.warmup, 1), 0.5 + 0.5 * math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = model(input_ids=tokens, labels=labels, attention_mask=(tokens != model.config.pad_token_id).long()).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step % 50 == 49:
            print(f"step {step + 1}/{schedule.steps}, {sum(losses[-50:]) / 50:.3f} nats a token", file=sys.stderr)
    model.eval()
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last)


def endless_batches(sequences: Sequence[list[int]], schedule: Schedule) -> Any:
    """Batches of sequences of like length, shuffled anew each epoch by the seed."""
    rng = random.Random(schedule.seed)
    while True:
        order = sorted(range(len(sequences)), key=lambda i: (len(sequences[i]) // 16, rng.random()))
        batches: list[list[list[int]]] = []
        current: list[list[int]] = []
        for index in order:
            longest = max([len(sequences[index]), *map(len, current)])
            if current and longest * (len(current) + 1) > schedule.tokens:
                batches.append(current)
                current = []
            current.append(sequences[index])
        batches.append(current)
        rng.shuffle(batches)
        yield from batches


def padded(batch: Sequence[list[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Token ids and labels, (B, T) each."""
    longest = max(map(len, batch))
    tokens = torch.full((len(batch), longest), pad, dtype=torch.long)
    labels = torch.full((len(batch), longest), IGNORED, dtype=torch.long)
    for row, sequence in enumerate(batch):
        tokens[row, : len(sequence)] = torch.tensor(sequence)
        labels[row, : len(sequence)] = torch.tensor(sequence)
    return tokens, labels


if __name__ == "__main__":
    raise SystemExit(run_program(lambda: main(sys.argv[1:]), "small_llama"))
