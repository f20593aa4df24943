"""Policies of a few thousand weights and a classifier that tells good from bad, trained here in seconds.

As a program: ``python -m tiny_judge FOLDER`` writes the folders ``chat``, ``plain`` (policies with and without a chat
template) and ``classifier``, and ``prompts.jsonl``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from finetune_models import tiny_model, train_tokenizer, write_rows
from transformers import GPT2Config, GPT2ForSequenceClassification

TEXTS = ["the cat sees a good house", "a bad dog runs to the tree", "why is it good", "it is bad and so sad"]
PROMPTS = [f"the {animal} {verb} a" for animal in ("cat", "dog", "house") for verb in ("sees", "runs", "is")]


def make(folder: Path) -> Path:
    tokenizer = train_tokenizer(TEXTS, 300)
    for name in ("chat", "plain"):
        tiny_model(tokenizer, "gpt2", n_positions=64).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
        tokenizer.chat_template = None
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    labels = {"id2label": {0: "bad", 1: "good"}, "label2id": {"bad": 0, "good": 1}}
    torch.manual_seed(0)
    shape = GPT2Config(vocab_size=len(tokenizer), n_positions=128, n_embd=16, n_layer=1, n_head=2, **ids, **labels)
    classifier = GPT2ForSequenceClassification(shape)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-2)
    for _ in range(20):
        for text in TEXTS:
            optimizer.zero_grad()
            encoded = tokenizer(text, return_tensors="pt")["input_ids"]
            classifier(encoded, labels=torch.tensor([int("good" in text)])).loss.backward()
            optimizer.step()
    classifier.save_pretrained(folder / "classifier")
    tokenizer.save_pretrained(folder / "classifier")
    # The last two are no prompts of their own: one is repeated, one says nothing.
    write_rows(folder / "prompts.jsonl", [{"prompt": text} for text in [*PROMPTS, PROMPTS[0], " "]])
    return folder


if __name__ == "__main__":
    make(Path(sys.argv[1]))
