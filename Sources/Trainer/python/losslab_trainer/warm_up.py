"""Makes torch do everything once, so that a forked loss process imports nothing: it could not open a file."""

from __future__ import annotations

import threading
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import losslab_trainer.loss_host  # noqa: F401 (what a loss process runs; loaded before it is locked in)


def warm_up() -> None:
    """One thread, one small backward pass per dtype, and the modules that torch imports on first use."""
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    # Its kernels are compiled when first used, which needs memory that is both writable and executable.
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        margins = torch.linspace(-3, 3, 5, dtype=dtype).requires_grad_()
        torch.autograd.grad(_everyday_loss(margins).mean(), [margins], allow_unused=True)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1 or threading.active_count() != 1:
        # A fork keeps one thread and every lock that the others held.
        raise RuntimeError(f"the loss zygote has {threads} threads after warming up, it must have one")


def _everyday_loss(x: Tensor) -> Tensor:
    value: Tensor = -F.logsigmoid(x) + F.softplus(-x) + torch.relu(1 - x) + F.gelu(x) + F.silu(x) + F.leaky_relu(x)
    value = value + torch.exp(-x.abs()).log1p() + torch.sigmoid(x) * torch.tanh(x) + torch.where(x > 0, x**2, x)
    value = value + F.softmax(x, 0) + F.log_softmax(x, 0) + torch.logsumexp(x, 0) + x.sort().values.cumsum(0)
    value = value + F.smooth_l1_loss(x, x.detach() + 1, reduction="none") + F.mse_loss(x, 0 * x, reduction="none")
    value = value + F.binary_cross_entropy_with_logits(x, torch.ones_like(x), reduction="none")
    value = value + F.kl_div(F.log_softmax(x, 0), F.softmax(x, 0), reduction="none") + F.huber_loss(x, 0 * x)
    value = value + (x - x.mean()) / (x.std() + 1) + x.clamp(-1, 1) + x.median() + x.max() - x.min() + x.var()
    value = value + torch.stack([x, x]).sum(0) + torch.cat([x, x])[: x.shape[0]] + torch.special.expit(x)
    return value + torch.erf(x)
