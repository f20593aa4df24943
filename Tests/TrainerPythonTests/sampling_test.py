"""Sampling: what a policy answers, checked against transformers' own generate and against its own probabilities."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from losslab_trainer.policy import Policy, load_policy, save_policy, stop_token_ids, weights_hash
from losslab_trainer.sampling import SamplingPlan, sample_answers, sample_dialogues, sample_replies
from tiny_policy import tiny_policy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def policy() -> Policy:
    return tiny_policy()


def some_dialogues(count: int, seed: int = 0) -> list[list[str]]:
    rng = random.Random(seed)
    return [
        [" ".join(f"w{rng.randrange(120)}" for _ in range(rng.randrange(1, 9))) for _ in range(2)] for _ in range(count)
    ]


def test_greedy_answers_equal_those_of_transformers_generate(policy: Policy) -> None:
    (replies,) = sample_dialogues(policy, some_dialogues(6), [SamplingPlan(0, 1, 0)], max_new_tokens=12)
    for turns in replies:
        for reply in turns[0]:
            expected = policy.model.generate(torch.tensor([reply.prompt_ids]), max_new_tokens=12, do_sample=False)
            assert reply.token_ids == expected[0, len(reply.prompt_ids) :].tolist()


def test_turn_two_sees_the_models_own_first_answer(policy: Policy) -> None:
    dialogue = some_dialogues(1)[0]
    (((first, second), *_),) = sample_dialogues(policy, [dialogue], [SamplingPlan(1, 3, 5)], max_new_tokens=6)[0]
    messages = [("user", dialogue[0]), ("assistant", first.text), ("user", dialogue[1])]
    expected = policy.tokenizer.apply_chat_template(
        [{"role": role, "content": content} for role, content in messages],
        add_generation_prompt=True,
        return_dict=False,
    )
    assert second.prompt_ids == expected


def test_an_answer_does_not_depend_on_the_rest_of_the_batch(policy: Policy) -> None:
    dialogues = some_dialogues(7)
    options: Any = {"temperature": 0.7, "seed": 3, "max_new_tokens": 10}
    together = sample_answers(policy.model, policy.tokenizer, dialogues, samples=3, **options)
    for i in (0, 4):
        assert sample_answers(policy.model, policy.tokenizer, [dialogues[i]], samples=3, **options) == [together[i]]
    fewer = sample_answers(policy.model, policy.tokenizer, dialogues, samples=2, **options)
    assert fewer == [samples[:2] for samples in together]


def test_plans_together_give_what_each_gives_alone(policy: Policy) -> None:
    plans = [SamplingPlan(0.7, 2, 1), SamplingPlan(0, 1, 9), SamplingPlan(1.0, 1, 1)]
    together = sample_dialogues(policy, some_dialogues(5), plans, max_new_tokens=8)
    for plan, replies in zip(plans, together, strict=True):
        assert sample_dialogues(policy, some_dialogues(5), [plan], max_new_tokens=8) == [replies]


def test_seeds_and_repeated_dialogues_give_other_answers(policy: Policy) -> None:
    dialogue = some_dialogues(1)[0]
    options: Any = {"temperature": 1.0, "samples": 2, "max_new_tokens": 10}
    one = sample_answers(policy.model, policy.tokenizer, [dialogue, dialogue], seed=1, **options)
    other = sample_answers(policy.model, policy.tokenizer, [dialogue], seed=2, **options)
    assert len({str(samples) for samples in [*one[0], *one[1], *other[0]]}) == 6


def test_tokens_are_drawn_with_the_policys_probabilities(policy: Policy) -> None:
    conversation = [{"role": "user", "content": "w1 w2"}]
    draws = 4000
    replies = sample_replies(
        policy.model, policy.tokenizer, [conversation], temperature=0.7, samples=draws, seed=1, max_new_tokens=1
    )
    prompt = policy.tokenizer.apply_chat_template(conversation, add_generation_prompt=True, return_dict=False)
    with torch.no_grad():
        expected = (policy.model(torch.tensor([prompt])).logits[0, -1] / 0.7).softmax(-1)
    words = policy.tokenizer.convert_ids_to_tokens(range(len(expected)))
    for probability, word in sorted(zip(expected.tolist(), words, strict=True), reverse=True)[:5]:
        if word in policy.tokenizer.all_special_tokens:
            continue
        observed = sum(reply == word for reply in replies[0]) / draws
        assert observed == pytest.approx(probability, abs=5 * (probability * (1 - probability) / draws) ** 0.5)


def test_an_answer_ends_at_its_stop_token_and_never_holds_special_words(policy: Policy) -> None:
    stops = stop_token_ids(policy)
    (replies,) = sample_dialogues(policy, some_dialogues(20), [SamplingPlan(1.5, 4, 0)], max_new_tokens=40)
    for samples in replies:
        for turns in samples:
            for reply in turns:
                assert not stops & set(reply.token_ids[:-1])
                assert len(reply.token_ids) == 40 or reply.token_ids[-1] in stops
                assert "<" not in reply.text


def test_a_saved_policy_loads_with_equal_weights_and_answers(policy: Policy, tmp_path: Path) -> None:
    save_policy(policy, tmp_path / "policy")
    loaded = load_policy(tmp_path / "policy")
    assert weights_hash(loaded.model) == weights_hash(policy.model)
    options: Any = {"temperature": 0.7, "samples": 1, "seed": 1, "max_new_tokens": 8}
    dialogues = some_dialogues(3)
    assert sample_answers(loaded.model, loaded.tokenizer, dialogues, **options) == sample_answers(
        policy.model, policy.tokenizer, dialogues, **options
    )
