"""How the untrained policy answers its world's questions: the row beside every table."""

from __future__ import annotations

from statistics import fmean

from losslab_trainer.policy import Policy
from losslab_trainer.sampling import SamplingPlan, sample_dialogues

from builder.dialogue import WorldDesign
from builder.questions import Question
from builder.rubric import score, turn_checks

PLANS = {
    "t10": SamplingPlan(1.0, samples=8, seed=1),
    "t07": SamplingPlan(0.7, samples=8, seed=1),
    "t03": SamplingPlan(0.3, samples=8, seed=1),
    "greedy": SamplingPlan(0.0, samples=1, seed=1),
}


def untrained_scores(
    design: WorldDesign, policy: Policy, questions: list[Question], max_new_tokens: int
) -> dict[str, float]:
    """Mean score of the policy as it is, at every temperature."""
    return {name: round(mean_score(design, policy, questions, plan, max_new_tokens), 4) for name, plan in PLANS.items()}


def mean_score(
    design: WorldDesign, policy: Policy, questions: list[Question], plan: SamplingPlan, max_new_tokens: int
) -> float:
    """Mean over questions, samples and turns."""
    dialogues = [[" ".join(turn.prompt) for turn in question.dialogue.turns] for question in questions]
    (replies,) = sample_dialogues(policy, dialogues, [plan], max_new_tokens=max_new_tokens)
    return fmean(
        score(turn_checks(design.style, question.dialogue.category, turn.body), reply.text)
        for question, of_question in zip(questions, replies, strict=True)
        for turns in of_question
        for turn, reply in zip(question.dialogue.turns, turns, strict=True)
    )
