"""Tiny checkpoints as people bring them: families, tokenizers, special tokens and templates in awkward combinations."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal

import torch
from finetune_models import CHATML, sentence
from model_families import INST, TURNS
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

BEGIN, END, PAD, UNKNOWN = "<s>", "</s>", "<pad>", "<unk>"
MARKERS = (
    *("<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>"),
    *("<|user|>", "<|assistant|>", "<|end|>", "<|start_header|>", "<|end_header|>", "<|eot|>"),
)
SPECIAL = (UNKNOWN, BEGIN, END, PAD, *MARKERS)
# A template and the token that it ends an answer with.
TEMPLATES: dict[str, tuple[str, str]] = {
    "chatml": (CHATML, "<|im_end|>"),
    "turns": (TURNS, "<end_of_turn>"),
    "inst": (INST, END),
    "roles": (
        "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ eos_token }}{% endif %}",
        "<|end|>",
    ),
    "headers": (
        "{{ bos_token }}{% for message in messages %}<|start_header|>{{ message['role'] }}<|end_header|>\n\n"
        "{{ message['content'] | trim }}<|eot|>{% endfor %}"
        "{% if add_generation_prompt %}<|start_header|>assistant<|end_header|>\n\n{% endif %}",
        "<|eot|>",
    ),
    "ended": (  # no generation prompt is written before an answer's own header
        "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}{{ eos_token }}\n"
        "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
        END,
    ),
}
Pieces = Literal["bpe", "unigram"]
Adds = Literal["nothing", "begin", "both"]
Pads = Literal["its own", "none", "the end"]


def texts() -> Iterator[str]:
    """What tokenizers are trained on: single letters too, so that a Unigram knows every one."""
    yield from ("\n", "user assistant model", "[INST] [/INST]", "abcdefghijklmnopqrstuvwxyz .,:!?")
    yield from (sentence(random.Random(i), 12) + "\n" for i in range(80))


def unigrams() -> list[tuple[str, float]]:
    """Pieces with log-probabilities: every word behind its space, and every character. `tokenizers`' own trainer of
    Unigrams finds others at each run."""
    spaced = [text.replace(" ", "\u2581") for text in texts()]
    counts = Counter(piece for text in spaced for piece in re.findall("\u2581[a-z]+", text))
    counts.update(character for text in spaced for character in text)
    total = counts.total()
    found = [(piece, math.log(count / total)) for piece, count in sorted(counts.items())]
    return [*((token, 0.0) for token in SPECIAL), *found]


def trained_tokenizer(pieces: Pieces, adds: Adds = "nothing", pads: Pads = "its own") -> PreTrainedTokenizerFast:
    """Byte-level BPE, or a Unigram over text whose spaces are written out, as sentencepiece has it."""
    if pieces == "bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=380,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts(), trainer)
    else:
        tokenizer = Tokenizer(models.Unigram(unigrams(), SPECIAL.index(UNKNOWN), False))
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
        tokenizer.add_special_tokens(list(SPECIAL))
    if adds != "nothing":
        known = [(token, tokenizer.token_to_id(token)) for token in (BEGIN, END)]
        single = f"{BEGIN} $A {END}" if adds == "both" else f"{BEGIN} $A"
        tokenizer.post_processor = TemplateProcessing(single=single, special_tokens=known)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        bos_token=BEGIN,
        eos_token=END,
        pad_token={"its own": PAD, "none": None, "the end": END}[pads],
        additional_special_tokens=list(MARKERS),
    )


SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 512,
}
BORDER = 64  # positions from which Phi-3's rotary tables are others
SHAPES: dict[str, dict[str, Any]] = {
    "llama": SIZES,
    "qwen2": SIZES,
    "gemma": SIZES | {"head_dim": 8},
    "phi3": SIZES
    | {
        "original_max_position_embeddings": BORDER,
        "rope_parameters": {
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": [1.0, 1.1, 1.2, 1.3],
            "long_factor": [1.5, 3.0, 6.0, 9.0],
            "original_max_position_embeddings": BORDER,
        },
    },
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512},
}


@dataclass(frozen=True)
class Checkpoint:
    """One combination. ``template`` None is a model that continues plain text."""

    shape: str
    pieces: Pieces
    adds: Adds
    pads: Pads
    template: str | None
    tied: bool
    shard: str = "1GB"
    ends: tuple[str, ...] = ()  # tokens that its generation config names beside the end of a sequence
    habits: dict[str, Any] = field(default_factory=dict)  # of sampling, in its generation config

    def __str__(self) -> str:
        tied = "tied" if self.tied else "untied"
        return f"{self.shape}-{self.pieces}-adds {self.adds}-pads {self.pads}-{self.template}-{tied}-{self.shard}"

    @property
    def stops(self) -> set[str]:
        turn = () if self.template is None else (TEMPLATES[self.template][1],)
        return {END, *self.ends, *turn}

    def save(self, folder: Path) -> Path:
        """Random weights, spread so widely that answers differ and end: the stops' rows are the longest of the head."""
        tokenizer = trained_tokenizer(self.pieces, self.adds, self.pads)
        tokenizer.chat_template = None if self.template is None else TEMPLATES[self.template][0]
        ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
        config = CONFIG_MAPPING[self.shape](
            vocab_size=len(tokenizer) + 5,  # more rows than tokens, as many have
            tie_word_embeddings=self.tied,
            pad_token_id=tokenizer.pad_token_id,
            **ids,
            **SHAPES[self.shape],
        )
        torch.manual_seed(3)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.normal_(0, 0.25)
            head = model.get_output_embeddings().weight
            head[len(tokenizer) :] = 0
            for token in self.stops:
                head[tokenizer.convert_tokens_to_ids(token)] *= 2.5
        model.save_pretrained(folder, max_shard_size=self.shard)
        tokenizer.save_pretrained(folder)
        settings = {"eos_token_id": tokenizer.convert_tokens_to_ids([END, *self.ends])} if self.ends else {}
        path = folder / "generation_config.json"
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | settings | self.habits), "utf-8")
        return folder


HABITS = {"do_sample": True, "repetition_penalty": 3.0, "no_repeat_ngram_size": 1, "min_new_tokens": 9, "top_k": 20}
CHECKPOINTS = (
    Checkpoint("llama", "unigram", "begin", "none", "inst", tied=False, shard="10KB"),
    Checkpoint("llama", "bpe", "begin", "the end", "headers", tied=True, ends=("<|im_end|>",)),
    Checkpoint("qwen2", "bpe", "nothing", "its own", "chatml", tied=True, habits=HABITS),
    Checkpoint("qwen2", "unigram", "both", "the end", "ended", tied=False),
    Checkpoint("gemma", "unigram", "begin", "its own", "turns", tied=True, shard="10KB"),
    Checkpoint("phi3", "bpe", "nothing", "the end", "roles", tied=False),
    Checkpoint("gpt2", "bpe", "nothing", "none", None, tied=True),
    Checkpoint("gpt2", "unigram", "begin", "its own", "chatml", tied=False),
)
TOKENIZERS: tuple[tuple[Pieces, Adds], ...] = tuple(product(("bpe", "unigram"), ("nothing", "begin", "both")))
