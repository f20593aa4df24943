"""A random tiny Llama with a word-level tokenizer and a chat template, for tests that need a policy but no skill."""

from __future__ import annotations

import random

import torch
from losslab_trainer.pairs import PairSet, tokenize_pairs
from losslab_trainer.policy import Policy
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SPECIAL_TOKENS = ["<pad>", "<unk>", "<user>", "<assistant>", "<end>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<' + message['role'] + '> ' + message['content'] + ' <end> ' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}"
)


def tiny_tokenizer(words: int = 120) -> PreTrainedTokenizerFast:
    vocabulary = {token: i for i, token in enumerate([*SPECIAL_TOKENS, *(f"w{i}" for i in range(words))])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<end>",
        additional_special_tokens=["<user>", "<assistant>"],
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def tiny_policy(seed: int = 0, layers: int = 3, width: int = 96, heads: int = 4, spread: float = 0.08) -> Policy:
    """Random weights, spread wide enough that the token distribution is far from uniform."""
    tokenizer = tiny_tokenizer()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        intermediate_size=width * 8 // 3,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=spread,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    return Policy(LlamaForCausalLM(config).eval(), tokenizer)


def random_words(rng: random.Random, fewest: int, most: int) -> str:
    return " ".join(f"w{rng.randrange(120)}" for _ in range(rng.randint(fewest, most)))


def random_pairs(count: int, seed: int = 0) -> list[dict[str, list[dict[str, str]]]]:
    """Preference pairs in TRL's conversational form with an explicit prompt."""
    rng = random.Random(seed)
    return [
        {
            "prompt": [{"role": "user", "content": random_words(rng, 4, 18)}],
            "chosen": [{"role": "assistant", "content": random_words(rng, 1, 9)}],
            "rejected": [{"role": "assistant", "content": random_words(rng, 1, 9)}],
        }
        for _ in range(count)
    ]


def random_pair_set(policy: Policy, count: int, seed: int = 0) -> PairSet:
    return PairSet.of(tokenize_pairs(policy.tokenizer, random_pairs(count, seed)))
