"""KL to the reference, estimated on answers that the trained policy gives itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from losslab_trainer.answers import Question
from losslab_trainer.data.tokenise import TokenisedPair
from losslab_trainer.finetune import generation
from losslab_trainer.finetune.evaluation import mean_json, score_all
from losslab_trainer.finetune.models import LoadedModel, load_model
from losslab_trainer.finetune.scoring import PairScorer
from losslab_trainer.finetune.sides import scorer_for

ESTIMATE = "mean of log policy - log reference over answers sampled from the policy at temperature 1"


def sampled_kl(
    loaded: LoadedModel, scorer: PairScorer, questions: Sequence[Question], plan: generation.Plan, max_new_tokens: int
) -> dict[str, object]:
    """Nats per answer, with a standard error over questions (a question's samples depend on each other)."""
    engine = generation.TransformersEngine(loaded.model, loaded.tokenizer, loaded.side)
    answers = generation.answer_questions(engine, loaded.tokenizer, questions, plan, max_new_tokens)
    flat = [answer for samples in answers for turns in samples for answer in turns]
    pairs = [TokenisedPair(i, answer.prompt_ids, answer.token_ids, answer.token_ids) for i, answer in enumerate(flat)]
    policy, _ = score_all(scorer, pairs)
    if loaded.has_adapter:
        with loaded.model.disable_adapter():
            reference, _ = score_all(scorer, pairs)
    else:
        # The trained weights have taken the reference's place in memory; it is read again, for this only.
        # By its folder: a Hub id may name newer weights by now.
        settings = replace(loaded.settings, path=str(loaded.folder), gradient_checkpointing=False)
        original = load_model(settings, trained=True)
        reference, _ = score_all(scorer_for(original.model, autocast=original.autocast, like=scorer), pairs)
    ratios = (policy.double() - reference.double()).tolist()
    means = []
    for samples in answers:
        count = sum(len(turns) for turns in samples)
        means.append(sum(ratios[:count]) / max(1, count))
        del ratios[:count]
    return mean_json(torch.tensor(means)) | {"unit": "nats per answer", "estimate": ESTIMATE}
