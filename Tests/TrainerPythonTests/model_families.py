"""Model folders as the families of models are published: their own tokenizer classes, special tokens and chat forms.

The weights are random and small; the tokenizers are trained here, with each family's way of cutting text.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import transformers
from finetune_models import CHATML, REAL, synthetic_rows, tiny_model
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

VOCABULARY = 700
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
INST = (  # one turn, as Llama 2 and Mistral write it
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}[INST] {{ message['content'] }} "
    "[/INST]{% else %} {{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
TURNS = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>"
    "{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n{{ message['content'] }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


@dataclass(frozen=True)
class Family:
    """``specials`` by their roles; a role that is left out is one the family does not have."""

    shape: str  # of finetune_models.SHAPES
    tokenizer: str  # class of transformers
    specials: dict[str, str]
    template: str | None
    tied: bool
    markers: tuple[str, ...] = ()

    @property
    def cuts_bytes(self) -> bool:
        """Byte-level BPE, as GPT-2 and Qwen; else BPE over text whose spaces are written out, falling back to bytes."""
        return self.shape.startswith(("gpt", "qwen"))


LLAMA_TOKENS = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
QWEN = Family(
    "qwen2",
    "Qwen2Tokenizer",
    {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    CHATML,
    tied=True,
    markers=("<|im_start|>",),
)
GEMMA = Family(
    "gemma",
    "GemmaTokenizer",
    {"unk_token": "<unk>", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"},
    TURNS,
    tied=True,
    markers=("<start_of_turn>", "<end_of_turn>"),
)
FAMILIES = (
    Family("gpt2", "GPT2Tokenizer", dict.fromkeys(("bos_token", "eos_token"), "<|endoftext|>"), None, tied=True),
    Family("llama", "LlamaTokenizer", LLAMA_TOKENS, INST, tied=False),
    Family("mistral", "LlamaTokenizer", LLAMA_TOKENS, INST, tied=False),
    QWEN,
    replace(QWEN, shape="qwen3"),
    GEMMA,
    replace(GEMMA, shape="gemma3_text"),
)


def family_tokenizer(family: Family, texts: Sequence[str]) -> Any:
    tokenizer = Tokenizer(models.BPE(unk_token=family.specials.get("unk_token"), byte_fallback=not family.cuts_bytes))
    tokens = [*dict.fromkeys(family.specials.values()), *family.markers]
    if family.cuts_bytes:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
        tokens += BYTES
        alphabet = ["▁"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=tokens,
        initial_alphabet=alphabet,
        limit_alphabet=256,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    learned = json.loads(tokenizer.to_str())["model"]
    made = getattr(transformers, family.tokenizer)(
        vocab=learned["vocab"], merges=[tuple(merge) for merge in learned["merges"]], **family.specials
    )
    made.add_special_tokens({"additional_special_tokens": list(family.markers)})
    made.chat_template = family.template
    return made


def save_family(folder: Path, family: Family, texts: Sequence[str], *, shard: str = "60KB") -> Any:
    """Writes a folder of sharded safetensors; returns the tokenizer that it was written with."""
    tokenizer = family_tokenizer(family, texts)
    model = tiny_model(tokenizer, family.shape, tie_word_embeddings=family.tied)
    model.config.bos_token_id = tokenizer.bos_token_id
    model.save_pretrained(folder, max_shard_size=shard)
    tokenizer.save_pretrained(folder)
    return tokenizer


def some_rows(count: int) -> list[dict[str, Any]]:
    """Real pairs of short prompts where they lie beside the project, else made-up ones."""
    path = REAL / "alpaca_eval_gpt4_pairs" / "test.jsonl.gz"
    if not path.is_file():
        return synthetic_rows(count)
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    short = [row for row in rows if len(row["prompt"]) == 1 and len(row["prompt"][0]["content"]) < 100]
    return [{name: row[name] for name in ("prompt", "chosen", "rejected")} for row in short[:count]]
