"""A Llama for small policies on one CPU thread; equal to transformers' to rounding, and about twice as fast.

What makes it faster: weights and their gradient are one vector each, and the backward pass is written out, so there is
no graph to build and walk; projections that read the same input are one matrix product; rotary embedding is one complex
product (rows of the query and key projections are permuted once so that the halves of a rotated pair lie side by side,
which leaves every query-key product as it was); empty places are left out of everything but attention; attention is
batched products, since torch's fused kernel is slower than they are below some hundred tokens; and the last layer is
computed only where it is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab_trainer.forward import KeyValueCache, KeyValueLayer
from losslab_trainer.llama_parts import (
    Attended,
    AttentionPlan,
    Gated,
    Grid,
    Normed,
    attend,
    attention,
    attention_backward,
    rms_norm,
    rms_norm_backward,
    rotate_,
    swiglu,
    swiglu_backward,
)
from losslab_trainer.llama_weights import LayerWeights, LlamaWeights, read_weights, weight_shapes, write_weights

if TYPE_CHECKING:
    from losslab_trainer.batches import Batch


def fits(model: Any) -> bool:
    """Whether a model is a Llama of the kind written out here, in fp32 on the CPU."""
    config = model.config
    return (
        config.model_type == "llama"
        and config.hidden_act == "silu"
        and not config.attention_bias
        and not config.mlp_bias
        and config.num_key_value_heads == config.num_attention_heads
        and config.rope_parameters["rope_type"] == "default"
        and config.attention_dropout == 0
        and all(p.dtype == torch.float32 and p.device.type == "cpu" for p in model.parameters())
    )


@dataclass(frozen=True)
class _Inputs:
    """N tokens, where they stand, and the M of them whose last hidden states are read."""

    ids: Tensor  # (N,)
    read: Tensor  # (M,)
    plan: AttentionPlan
    last_plan: AttentionPlan  # its queries are those that are read


class _LayerTape(NamedTuple):
    """What one layer's backward needs of its forward."""

    attention_normed: Normed
    attention_input: Tensor
    attended: Attended
    attention_output: Tensor
    feed_forward_normed: Normed
    feed_forward_input: Tensor
    gated: Gated
    gated_output: Tensor


class LlamaForward:
    """The forward pass over weights of its own, copied from a transformers model and, by ``store``, back into it."""

    packs = True

    def __init__(self, model: Any) -> None:
        config = model.config
        self.model = model
        self.layer_count: int = config.num_hidden_layers
        self.heads: int = config.num_attention_heads
        self.head_size: int = model.model.layers[0].self_attn.head_dim
        self.epsilon: float = config.rms_norm_eps
        exponents = torch.arange(0, self.head_size, 2).float() / self.head_size
        self.frequencies = 1.0 / config.rope_parameters["rope_theta"] ** exponents
        self.rotations = torch.zeros(0, self.head_size // 2, dtype=torch.complex64)  # a row for each position
        self.shapes = weight_shapes(model)
        self.vector = torch.empty(sum(shape.numel() for shape in self.shapes))
        self.weights = LlamaWeights.views(self.vector, self.shapes)
        with torch.no_grad():
            read_weights(self.weights, model)
        self.vector.requires_grad_()

    @property
    def parameters(self) -> list[Tensor]:
        return [self.vector]

    def store(self) -> None:
        """Writes the weights back into the model they came from."""
        with torch.no_grad():
            write_weights(self.weights, self.model)

    def hidden(
        self, ids: Tensor, position_ids: Tensor, mask: Tensor, read: Tensor, cache: KeyValueCache | None = None
    ) -> Tensor:
        """See Forward.hidden; without derivatives, for which there is completion_logps."""
        with torch.no_grad():
            inputs = self._inputs(ids, position_ids, mask, read)
            x, _ = rms_norm(self.run(inputs, cache=cache), self.weights.norm, self.epsilon)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        with torch.no_grad():
            return F.linear(hidden, self.weights.head)

    def completion_logps(self, batch: Batch) -> Tensor:
        """See Forward.completion_logps."""
        inputs = self._inputs(batch.ids, batch.position_ids, batch.mask, batch.read)
        logps: Tensor = _CompletionLogps.apply(self.vector, self, inputs, batch)  # type: ignore[no-untyped-call]  # torch's
        return logps

    def run(
        self, inputs: _Inputs, *, cache: KeyValueCache | None = None, tape: list[_LayerTape] | None = None
    ) -> Tensor:
        """The layers' output for the tokens that are read, (M, D), and on ``tape`` what ``run_back`` needs."""
        x = F.embedding(inputs.ids, self.weights.embedding)  # (N, D)
        for i, weights in enumerate(self.weights.layers):
            last = i == self.layer_count - 1
            plan = inputs.last_plan if last else inputs.plan
            attention_input, attention_normed = rms_norm(x, weights.attention_norm, self.epsilon)
            query, key_value = self._projections(attention_input, weights, inputs.read if last else None)
            if last:
                # What follows is read at some places only: so are the queries and all that is made of them.
                x = x.index_select(0, inputs.read)
            if cache is None:
                attention_output, attended = attention(query, key_value, plan)
            else:
                attention_output, attended = _cached_attention(query, key_value, plan, cache.layers[i])
            x = torch.addmm(x, attention_output, weights.attention_out.t())
            feed_forward_input, feed_forward_normed = rms_norm(x, weights.feed_forward_norm, self.epsilon)
            gated_output, gated = swiglu(F.linear(feed_forward_input, weights.gate_up))
            x = torch.addmm(x, gated_output, weights.down.t())
            if tape is not None:
                tape.append(
                    _LayerTape(
                        attention_normed,
                        attention_input,
                        attended,
                        attention_output,
                        feed_forward_normed,
                        feed_forward_input,
                        gated,
                        gated_output,
                    )
                )
        return x

    def run_back(self, x: Tensor, inputs: _Inputs, tape: list[_LayerTape], out: LlamaWeights) -> None:
        """From the gradient in run's output (overwritten) to those in the weights, written to ``out``."""
        for i in reversed(range(self.layer_count)):
            last = i == self.layer_count - 1
            plan = inputs.last_plan if last else inputs.plan
            weights, into, kept = self.weights.layers[i], out.layers[i], tape[i]
            torch.mm(x.t(), kept.gated_output, out=into.down)
            for_gate_up = swiglu_backward(x @ weights.down, kept.gated)
            torch.mm(for_gate_up.t(), kept.feed_forward_input, out=into.gate_up)
            normed = kept.feed_forward_normed
            rms_norm_backward(
                for_gate_up @ weights.gate_up, normed, weights.feed_forward_norm, x, into.feed_forward_norm
            )
            torch.mm(x.t(), kept.attention_output, out=into.attention_out)
            query, key_value = attention_backward(x @ weights.attention_out, kept.attended, plan)
            width = query.shape[1]
            source = kept.attention_input
            for_input = key_value @ weights.query_key_value[width:]
            torch.mm(key_value.t(), source, out=into.query_key_value[width:])
            if last:
                for_input.index_add_(0, inputs.read, query @ weights.query_key_value[:width])
                source = source.index_select(0, inputs.read)
                x = x.new_zeros(for_input.shape).index_copy_(0, inputs.read, x)
            else:
                for_input.addmm_(query, weights.query_key_value[:width])
            torch.mm(query.t(), source, out=into.query_key_value[:width])
            rms_norm_backward(for_input, kept.attention_normed, weights.attention_norm, x, into.attention_norm)
        out.embedding.index_add_(0, inputs.ids, x)

    def _projections(self, x: Tensor, weights: LayerWeights, read: Tensor | None) -> tuple[Tensor, Tensor]:
        """Queries (of the tokens ``read``, if not all), and keys and values side by side."""
        width = self.heads * self.head_size
        if read is None:
            joined = F.linear(x, weights.query_key_value)
            return joined[:, :width], joined[:, width:]
        of_query, of_key_value = weights.query_key_value[:width], weights.query_key_value[width:]
        return F.linear(x.index_select(0, read), of_query), F.linear(x, of_key_value)

    def _inputs(self, ids: Tensor, position_ids: Tensor, mask: Tensor, read: Tensor) -> _Inputs:
        width = ids.shape[1]
        taken = mask[:, :, -width:].diagonal(dim1=1, dim2=2)  # a token sees at least itself
        grid = Grid(taken, self.heads)
        kept = int((read % width).min())  # the first column that is read
        read_taken = torch.zeros_like(taken)
        read_taken.view(-1)[read] = True
        if not grid.full:
            ids, position_ids = ids.flatten()[grid.places], position_ids.flatten()[grid.places]
            read = (taken.flatten().cumsum(0) - 1)[read]
        rotation, bias = self._rotation(position_ids.flatten()), self._bias(mask)
        read_grid = Grid(read_taken[:, kept:], self.heads)
        plan = AttentionPlan(self.head_size, grid, grid, rotation, rotation, bias)
        last = AttentionPlan(self.head_size, read_grid, grid, rotation[read], rotation, bias[:, kept:])
        return _Inputs(ids.flatten(), read, plan, last)

    def _rotation(self, positions: Tensor) -> Tensor:
        """The complex numbers that turn the pairs of each token's queries and keys, (N, A / 2)."""
        count = int(positions.max()) + 1
        if count > len(self.rotations):
            angles = torch.outer(torch.arange(2 * count).float(), self.frequencies)
            self.rotations = torch.polar(torch.ones_like(angles), angles)
        return self.rotations[positions].repeat(1, self.heads)

    def _bias(self, mask: Tensor) -> Tensor:
        """What is added to the scores, (rows x heads, width, columns)."""
        # The smallest finite number, not -inf: a padded query sees nothing, and NaN would reach real rows through it.
        bias = torch.zeros(mask.shape).masked_fill_(~mask, torch.finfo(torch.float32).min)
        return bias[:, None].expand(-1, self.heads, -1, -1).flatten(0, 1)


class _CompletionLogps(torch.autograd.Function):
    """Log-probabilities of a batch's completions, (2B,), with the gradient of all weights as one vector."""

    @staticmethod
    def forward(ctx: Any, vector: Tensor, llama: LlamaForward, inputs: _Inputs, batch: Batch) -> Tensor:
        ctx.tape = [] if ctx.needs_input_grad[0] else None
        output = llama.run(inputs, tape=ctx.tape)
        ctx.hidden, ctx.normed = rms_norm(output, llama.weights.norm, llama.epsilon)
        ctx.log_probabilities = F.linear(ctx.hidden, llama.weights.head).log_softmax(-1)  # (M, V)
        ctx.llama, ctx.inputs, ctx.batch = llama, inputs, batch
        token_logps: Tensor = ctx.log_probabilities[batch.scored, batch.targets]
        return token_logps.new_zeros(2 * len(batch.indices)).index_add_(0, batch.completions, token_logps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        llama, inputs, batch = ctx.llama, ctx.inputs, ctx.batch
        vector = torch.empty_like(llama.vector)  # every view of it is written before it is read
        out = LlamaWeights.views(vector, llama.shapes)
        of_tokens = gradients[0].index_select(0, batch.completions)
        # d log softmax: a token's gradient at its own logit, less its share of the whole at each.
        of_places = of_tokens.new_zeros(len(ctx.hidden)).index_add_(0, batch.scored, of_tokens)
        for_logits = ctx.log_probabilities.exp_().mul_(-of_places[:, None])
        for_logits.index_put_((batch.scored, batch.targets), of_tokens, accumulate=True)
        if out.head is not out.embedding:
            out.embedding.zero_()
        torch.mm(for_logits.t(), ctx.hidden, out=out.head)
        x = torch.zeros_like(ctx.hidden)
        rms_norm_backward(for_logits @ llama.weights.head, ctx.normed, llama.weights.norm, x, out.norm)
        llama.run_back(x, inputs, ctx.tape, out)
        return vector, None, None, None


def _cached_attention(
    query: Tensor, key_value: Tensor, plan: AttentionPlan, layer: KeyValueLayer
) -> tuple[Tensor, Attended]:
    """As attention, with the keys and values of earlier columns too."""
    rotate_(query, plan.query_rotation)
    rotate_(key_value[:, : query.shape[1]], plan.key_rotation)
    grid = plan.key_grid
    new = grid.spread(key_value, plan.size).view(2, grid.rows, grid.heads, grid.width, plan.size)
    keys, values = layer.update(new[0], new[1])
    queries = plan.query_grid.spread(query, plan.size)
    return attend(queries, keys.flatten(0, 1), values.flatten(0, 1), plan)
