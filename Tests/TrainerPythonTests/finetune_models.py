"""Tiny models of several architectures with tokenizers trained here, and pairs to train them on."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from losslab_trainer import finetune_job
from losslab_trainer.in_process_loss import InProcessLoss
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

REPOSITORY = Path(__file__).parents[2]
LOSSES = REPOSITORY / "losses"
REAL = REPOSITORY.parent / "shared" / "data" / "preferences"
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = (
    "the",
    "a",
    "cat",
    "dog",
    "house",
    "tree",
    "runs",
    "sees",
    "likes",
    "never",
    "often",
    "red",
    "green",
    "small",
    "large",
    "and",
    "but",
    "so",
    "because",
    "why",
    "how",
)

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
}
SHAPES: Mapping[str, dict[str, Any]] = {
    "llama": SIZES | {"tie_word_embeddings": True},
    "mistral": SIZES | {"sliding_window": 24, "tie_word_embeddings": False},
    "qwen2": SIZES | {"tie_word_embeddings": True},
    "qwen3": SIZES | {"head_dim": 8, "tie_word_embeddings": True},
    "gemma": SIZES | {"head_dim": 8, "tie_word_embeddings": True},
    "gemma2": SIZES | {"head_dim": 8, "sliding_window": 24, "query_pre_attn_scalar": 8},
    "gemma3_text": SIZES | {"head_dim": 8, "sliding_window": 24, "query_pre_attn_scalar": 8},
    "phi3": SIZES | {"tie_word_embeddings": False},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
}


def train_tokenizer(texts: Iterable[str], vocabulary: int = 400) -> PreTrainedTokenizerFast:
    """A byte-level BPE with the markers of ChatML."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        additional_special_tokens=["<|im_start|>"],
    )
    fast.chat_template = CHATML
    return fast


def tiny_model(tokenizer: PreTrainedTokenizerFast, shape: str = "llama", *, spread: float = 0.2, **changes: Any) -> Any:
    """Random weights, spread wide enough that the token distribution is far from uniform."""
    torch.manual_seed(0)
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = CONFIG_MAPPING[shape](vocab_size=len(tokenizer), **ids, **(dict(SHAPES[shape]) | changes))
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "conv" not in name and not name.endswith("A_log"):
                parameter.normal_(0, spread)
    return model.eval()


def save_tiny(folder: Path, shape: str = "llama", texts: Sequence[str] = (), **changes: Any) -> Path:
    tokenizer = train_tokenizer(texts or [sentence(random.Random(i), 12) for i in range(50)])
    tiny_model(tokenizer, shape, **changes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


def synthetic_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Conversational pairs with an explicit prompt; some answers begin alike."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        start = sentence(rng, rng.randint(0, 3))
        sides = [f"{start} {sentence(rng, rng.randint(2, 14))}".strip() for _ in range(2)]
        rows.append(
            {
                "prompt": [{"role": "user", "content": sentence(rng, rng.randint(3, 16))}],
                "chosen": [{"role": "assistant", "content": sides[0]}],
                "rejected": [{"role": "assistant", "content": sides[1] + " why"}],
            }
        )
    return rows


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def loss_source(name: str) -> str:
    (path,) = LOSSES.glob(f"*/{name}.py")
    return path.read_text("utf-8")


@dataclass
class Bench:
    """A folder with a model and pairs, and a context to run finetune jobs in."""

    folder: Path
    model: Path
    metrics: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def job(
        self, output: str = "out", loss: str | None = "dpo", source: str | None = None, **changes: Any
    ) -> dict[str, Any]:
        """``source`` replaces the text of the catalogue's loss; dictionaries among the changes are merged."""
        job: dict[str, Any] = {
            "kind": "finetune",
            "loss": None if loss is None else {"name": loss, "source": source or loss_source(loss)},
            "beta": 0.1,
            "model": {"path": str(self.model), "dtype": "float32", "device": "cpu"},
            "data": {"train": {"path": str(self.folder / "pairs.jsonl")}, "heldOut": None, "heldOutShare": 0.2},
            "training": {"learningRate": 1e-3, "batchSize": 16, "microBatchSize": None, "epochs": 1, "seed": 1},
            "questions": [],
            "sampling": [],
            "maxNewTokens": 8,
            "klSamples": 0,
            "output": str(self.folder / output),
            "save": False,
            "trackers": [],
            "trainer": "losslab",
        }
        for name, value in changes.items():
            job[name] = job[name] | value if isinstance(job.get(name), dict) and isinstance(value, dict) else value
        return job

    def run(self, output: str = "out", loss: str | None = "dpo", **changes: Any) -> dict[str, Any]:
        context: Any = SimpleNamespace(
            loss_processes=SimpleNamespace(open=InProcessLoss),
            cache_directory=self.folder / "cache",
            emit_metrics=lambda step, values: self.metrics.append((step, dict(values))),
            sandbox={"landlock": 7},
        )
        return finetune_job.finetune(self.job(output, loss, **changes), context)


def bench(folder: Path, shape: str = "llama", rows: int = 80, **changes: Any) -> Bench:
    model = save_tiny(folder / "model", shape, **changes)
    write_rows(folder / "pairs.jsonl", synthetic_rows(rows))
    return Bench(folder, model)
