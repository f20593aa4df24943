"""Policies on disk and in memory: a causal language model, its tokenizer, and a hash that names its weights.

The layout on disk is Hugging Face's (``config.json``, ``model.safetensors``, ``tokenizer.json``,
``tokenizer_config.json`` with the chat template), so that any tool that reads such a folder reads ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from losslab_trainer.finetune.checkpoint import fault_of

Message = dict[str, str]  # {"role": "user" | "assistant" | "system", "content": ...}


@dataclass(frozen=True)
class Policy:
    """A model and the tokenizer it was trained with."""

    model: Any  # transformers.PreTrainedModel
    tokenizer: Any  # transformers.PreTrainedTokenizerBase


def use_one_thread() -> None:
    """Keeps torch on one thread: two one-thread processes beat one of two threads here, and forks stay safe."""
    torch.set_num_threads(1)


def load_policy(directory: Path | str) -> Policy:
    """Loads a policy from a folder in Hugging Face layout, in evaluation mode and fp32. Never goes to the network."""
    directory = Path(directory)
    if not (directory / "config.json").is_file():
        raise FileNotFoundError(f"{directory} holds no policy: config.json is missing")
    model, report = AutoModelForCausalLM.from_pretrained(
        directory, local_files_only=True, dtype=torch.float32, output_loading_info=True
    )
    fault = fault_of(model, report)
    if fault is not None:
        raise ValueError(f"policy {directory}: {fault}")
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
    if tokenizer.chat_template is None:
        raise ValueError(f"the tokenizer in {directory} has no chat template")
    return Policy(model.eval(), tokenizer)


def save_policy(policy: Policy, directory: Path | str) -> None:
    """Writes a policy in Hugging Face layout (safetensors); the folder is created."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    policy.model.save_pretrained(directory)
    policy.tokenizer.save_pretrained(directory)


def weights_hash(model: Any) -> str:
    """SHA-256 over every parameter's name, dtype, shape and bytes; tied weights count once."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        values = parameter.detach().cpu().contiguous()
        digest.update(f"{name}:{values.dtype}:{tuple(values.shape)};".encode())
        digest.update(values.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def stop_token_ids(policy: Policy) -> frozenset[int]:
    """The tokens that end an answer: the tokenizer's end of sequence and those the generation config names."""
    configured = getattr(policy.model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(int(i) for i in [*ids, policy.tokenizer.eos_token_id] if i is not None)


def encode_prompts(tokenizer: Any, conversations: Sequence[Sequence[Message]]) -> list[list[int]]:
    """Token ids of conversations up to where the assistant's next answer begins, by the tokenizer's chat template."""
    texts = [
        tokenizer.apply_chat_template(list(conversation), add_generation_prompt=True, tokenize=False)
        for conversation in conversations
    ]
    # The template writes every special token itself, so the tokenizer must not add them again.
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return ids
