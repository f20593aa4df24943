"""How many pairs fit in memory at once, what out of memory looks like, and the most that was used."""

from __future__ import annotations

import contextlib
import gc
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import torch

from losslab_trainer.finetune.layout import Pair, token_count

CPU_SHARE, CUDA_SHARE = 0.4, 0.85  # of what is free, that activations may take


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the CPU."""
    text = str(error)
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and ("not enough memory" in text or "can't allocate memory" in text)
    )


def release(device: torch.device) -> None:
    """Gives back what a failed step held."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def fitting_micro_batch(model: Any, pairs: Sequence[Pair], batch_size: int, device: torch.device) -> int:
    """Pairs whose graph should fit, a power of two part of the batch; an estimate, which a failure corrects."""
    if not pairs:
        return batch_size
    lengths = sorted((token_count(pair) for pair in pairs), reverse=True)
    tokens = lengths[min(len(lengths) - 1, len(lengths) // 50)]  # of one pair, all but the longest fiftieth
    budget = _free(device) - _optimizer_bytes(model)
    size = batch_size
    while size > 1 and size * tokens * bytes_per_token(model) > budget:
        size = (size + 1) // 2
    return size


def bytes_per_token(model: Any) -> float:
    """Activations that a backward pass keeps for one token of a decoder, in bytes."""
    config = model.config.get_text_config()
    width = config.hidden_size
    inner = getattr(config, "intermediate_size", None) or 4 * width
    item = next(model.parameters()).element_size()
    layer = 16 * width + 5 * inner  # norms, projections, attention and the gated activation
    if getattr(model, "is_activation_checkpointing", False):
        return float(item * (config.num_hidden_layers * width + layer))
    return float(item * config.num_hidden_layers * layer)


def reset_peak(device: torch.device) -> None:
    """The next peak counts from here, where the system allows it."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def peak_bytes(device: torch.device) -> int:
    """On a GPU the most that was allocated there; else the process's largest resident size."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _free(device: torch.device) -> float:
    if device.type == "cuda":
        return CUDA_SHARE * torch.cuda.mem_get_info(device)[0]
    return CPU_SHARE * float(psutil.virtual_memory().available)


def _optimizer_bytes(model: Any) -> int:
    """Gradients and AdamW's two moments, which are not there before the first step."""
    return sum(3 * p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
