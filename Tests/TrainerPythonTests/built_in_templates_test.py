"""The templates that come with the lab: what they write, and that a model with their markers has no doubts."""

from __future__ import annotations

import random

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("transformers")

from finetune_models import sentence, train_tokenizer  # noqa: E402
from losslab_trainer.data.template import MARKERS, TEMPLATES, choices, chosen_template, doubts  # noqa: E402

DIALOGUE = [
    {"role": "user", "content": "Why?"},
    {"role": "assistant", "content": "So."},
    {"role": "user", "content": "How?"},
]
WRITTEN = {
    "chatml": "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\nSo.<|im_end|>\n"
    "<|im_start|>user\nHow?<|im_end|>\n<|im_start|>assistant\n",
    "zephyr": "<|user|>\nWhy?</s>\n<|assistant|>\nSo.</s>\n<|user|>\nHow?</s>\n<|assistant|>\n",
    "llama3": "<|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\nSo.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHow?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "gemma": "<start_of_turn>user\nWhy?<end_of_turn>\n<start_of_turn>model\nSo.<end_of_turn>\n"
    "<start_of_turn>user\nHow?<end_of_turn>\n<start_of_turn>model\n",
    "mistral": "[INST] Why?[/INST] So.</s>[INST] How?[/INST]",
}
TOKENS = {
    "chatml": ["<|im_start|>", "<|im_end|>"],
    "zephyr": ["<|user|>", "<|assistant|>", "<|system|>"],
    "llama3": ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    "gemma": ["<start_of_turn>", "<end_of_turn>"],
    "mistral": ["[INST]", "[/INST]"],
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_writes_its_form_and_a_model_with_its_markers_has_no_doubt(name: str) -> None:
    tokenizer = train_tokenizer([sentence(random.Random(i), 12) for i in range(20)])
    tokenizer.add_special_tokens({"eos_token": "</s>", "additional_special_tokens": TOKENS[name]})
    text = tokenizer.apply_chat_template(
        DIALOGUE, chat_template=TEMPLATES[name], tokenize=False, add_generation_prompt=True
    )
    assert text == WRITTEN[name]
    assert doubts(tokenizer, chosen_template(tokenizer, name), system=False) is None
    system = doubts(tokenizer, chosen_template(tokenizer, name), system=True)
    assert (system is None) == (name not in ("gemma", "mistral"))
    assert system is None or "no turn for the role system" in system


def test_which_of_them_fits_the_vocabulary_is_told() -> None:
    tokenizer = train_tokenizer([sentence(random.Random(i), 12) for i in range(20)])
    told = choices(tokenizer, accepting=False)
    assert "`chatml` (the model's vocabulary has its markers)" in told
    assert all(f"`{name}` (markers not in vocabulary)" in told for name in MARKERS if name != "chatml")
