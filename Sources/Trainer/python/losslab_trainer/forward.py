"""The forward pass that training and sampling share: token ids in, hidden states out, masks and positions as given.

Three conformers: ``LlamaForward`` for small Llama policies on the CPU, ``TransformersForward`` for other architectures
whose attention takes a 4-D mask, and ``PlainForward`` for the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

if TYPE_CHECKING:
    from losslab_trainer.batches import Batch

FULL_ATTENTION_TYPES = frozenset({"llama", "qwen2", "qwen3", "gpt2", "gpt_neox", "phi", "stablelm", "olmo", "olmo2"})


class KeyValueLayer(DynamicLayer):  # type: ignore[misc]  # transformers is untyped here
    """One layer's keys and values in a buffer, of which the first ``rows`` rows and ``length`` columns are in use."""

    is_initialized: bool
    keys: Tensor  # (rows, heads, columns, head size)
    values: Tensor

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.rows = 0
        self.length = 0

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Appends columns to the rows in use; returns all of theirs."""
        if not self.is_initialized:
            self.dtype, self.device = keys.dtype, keys.device
            rows, heads, size = keys.shape[0], keys.shape[1], keys.shape[3]
            self.keys = keys.new_zeros(rows, heads, self.capacity, size)
            self.values = keys.new_zeros(rows, heads, self.capacity, size)
            self.is_initialized = True
        start, end = self.length, self.length + keys.shape[2]
        self.keys[: self.rows, :, start:end] = keys
        self.values[: self.rows, :, start:end] = values
        self.length = end
        return self.keys[: self.rows, :, :end], self.values[: self.rows, :, :end]

    def grow(self, columns: int) -> None:
        self.capacity += columns
        if self.is_initialized:
            room = self.keys.new_zeros(*self.keys.shape[:2], columns, self.keys.shape[3])
            self.keys, self.values = torch.cat([self.keys, room], 2), torch.cat([self.values, room], 2)

    def get_seq_length(self) -> int:
        return self.length


class KeyValueCache(Cache):  # type: ignore[misc]  # transformers is untyped here
    """The layers' buffers. Transformers' models take it for one of their own caches."""

    layers: list[KeyValueLayer]

    def __init__(self, layers: int, rows: int) -> None:
        super().__init__(layers=[KeyValueLayer(0) for _ in range(layers)])
        self.use_rows(rows)

    def use_rows(self, rows: int) -> None:
        for layer in self.layers:
            layer.rows = rows


class Forward(Protocol):
    """A policy's forward pass over its trainable weights."""

    @property
    def parameters(self) -> list[Tensor]:
        """The leaves to train."""
        ...

    @property
    def layer_count(self) -> int: ...

    @property
    def packs(self) -> bool:
        """Whether any mask and any positions are sound. If not, rows are padded on the right and causal."""
        ...

    def hidden(
        self, ids: Tensor, position_ids: Tensor, mask: Tensor, read: Tensor, cache: KeyValueCache | None = None
    ) -> Tensor:
        """The last hidden states at the places ``read``, (M, D).

        ``ids`` and ``position_ids`` are (rows, width); ``mask`` is (rows, width, columns), True where a query may
        look, its columns those in the cache and then the new ones. A place that does not see itself is empty.
        ``read`` are places counted row by row, in rising order, none of them empty.
        """
        ...

    def logits(self, hidden: Tensor) -> Tensor:
        """(M, D) to (M, V)."""
        ...

    def completion_logps(self, batch: Batch) -> Tensor:
        """The log-probabilities of a batch's completions, (2B,): the chosen, then the rejected. Differentiable."""
        ...

    def store(self) -> None:
        """Makes the model this was made from hold the trained weights."""
        ...


class _ModelForward(ABC):
    """What the forward passes of a transformers model have in common: its weights are trained in place."""

    packs: bool

    def __init__(self, model: Any) -> None:
        self.model = model
        self.layer_count: int = model.config.num_hidden_layers

    @property
    def parameters(self) -> list[Tensor]:
        return list(self.model.parameters())

    @abstractmethod
    def hidden(
        self, ids: Tensor, position_ids: Tensor, mask: Tensor, read: Tensor, cache: KeyValueCache | None = None
    ) -> Tensor: ...

    @abstractmethod
    def logits(self, hidden: Tensor) -> Tensor: ...

    def completion_logps(self, batch: Batch) -> Tensor:
        return _completion_logps(self, batch)

    def store(self) -> None:  # noqa: B027  # nothing to do: the model's own weights are trained
        pass


class TransformersForward(_ModelForward):
    """The forward pass of a transformers model, as it is."""

    packs = True

    def hidden(
        self, ids: Tensor, position_ids: Tensor, mask: Tensor, read: Tensor, cache: KeyValueCache | None = None
    ) -> Tensor:
        dtype = self.model.dtype
        bias = torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, torch.finfo(dtype).min)
        states: Tensor = self.model.base_model(
            ids,
            attention_mask=bias[:, None],
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state
        return states.flatten(0, 1)[read]

    def logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.model.get_output_embeddings()(hidden)
        return logits


class PlainForward(_ModelForward):
    """The forward pass of an architecture of which nothing is known but that it is causal.

    Rows must be padded on the right and look at all that is before them. What it calls hidden states are the logits,
    since what lies between them (scaling, capping) is the architecture's own.
    """

    packs = False

    def hidden(
        self, ids: Tensor, position_ids: Tensor, mask: Tensor, read: Tensor, cache: KeyValueCache | None = None
    ) -> Tensor:
        taken = mask.diagonal(dim1=1, dim2=2)
        logits: Tensor = self.model(ids, attention_mask=taken.long(), use_cache=False).logits
        return logits.flatten(0, 1)[read]

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden


def _completion_logps(forward: Forward, batch: Batch) -> Tensor:
    hidden = forward.hidden(batch.ids, batch.position_ids, batch.mask, batch.read)
    scored = forward.logits(hidden).float().index_select(0, batch.scored)  # (M, V)
    token_logps = scored.gather(1, batch.targets[:, None])[:, 0] - scored.logsumexp(1)
    return token_logps.new_zeros(2 * len(batch.indices)).index_add(0, batch.completions, token_logps)


def takes_custom_masks(model: Any) -> bool:
    """Whether 4-D attention masks and free positions are sound: plain full attention in every layer."""
    config = model.config
    sliding = getattr(config, "use_sliding_window", False) and getattr(config, "sliding_window", None)
    return config.model_type in FULL_ATTENTION_TYPES and not sliding


def forward_of(model: Any) -> Forward:
    """The fastest forward pass that is right for a model."""
    from losslab_trainer import llama  # noqa: PLC0415  # it needs this file's cache

    if llama.fits(model):
        return llama.LlamaForward(model)
    if takes_custom_masks(model):
        return TransformersForward(model)
    return PlainForward(model)
