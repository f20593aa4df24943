"""The divergence of a trained policy from its reference, exact at every token of answers it sampled itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from losslab_trainer.forward import Forward
from losslab_trainer.metrics import MeanWithError
from losslab_trainer.sampling import Reply

ANSWERS_AT_ONCE = 64


def kl_to_reference(policy: Forward, reference: Forward, dialogues: Sequence[Sequence[Reply]]) -> MeanWithError:
    """KL(policy || reference) in nats per answer, over dialogues sampled from the policy at temperature 1.

    At each token the sum runs over the whole vocabulary, so only the prefixes are sampled; an answer's value is the
    sum over its tokens. A dialogue counts once, with the mean over its answers, because they depend on each other.
    """
    replies = [reply for dialogue in dialogues for reply in dialogue]
    values = [0.0] * len(replies)
    by_length = sorted(range(len(replies)), key=lambda i: len(replies[i].prompt_ids) + len(replies[i].token_ids))
    with torch.inference_mode():
        for start in range(0, len(replies), ANSWERS_AT_ONCE):
            part = by_length[start : start + ANSWERS_AT_ONCE]
            for i, value in zip(part, _answer_kls(policy, reference, [replies[i] for i in part]), strict=True):
                values[i] = value
    remaining = iter(values)
    of_dialogues = [[next(remaining) for _ in dialogue] for dialogue in dialogues]
    return MeanWithError.of([sum(dialogue) / len(dialogue) for dialogue in of_dialogues])


def _answer_kls(policy: Forward, reference: Forward, replies: list[Reply]) -> list[float]:
    """Rows are a prompt and its answer without the last token, which predicts nothing; padded on the right."""
    rows = [(reply.prompt_ids + reply.token_ids)[:-1] for reply in replies]
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    ends = torch.tensor([[len(row)] for row in rows])
    # The prompt's last token predicts the answer's first.
    begins = torch.tensor([[len(reply.prompt_ids) - 1] for reply in replies])
    at = torch.arange(width)
    mask = (at < ends)[:, None, :] & torch.ones(width, width, dtype=torch.bool).tril()
    read = ((at >= begins) & (at < ends)).flatten().nonzero()[:, 0]
    one, other = (
        forward.logits(forward.hidden(ids, at.expand_as(ids), mask, read)).float().log_softmax(-1)
        for forward in (policy, reference)
    )
    token_kls: Tensor = (one.exp() * (one - other)).sum(-1)  # of all answers' tokens
    kls: list[float] = torch.zeros(len(replies)).index_add(0, read // width, token_kls).tolist()
    return kls
