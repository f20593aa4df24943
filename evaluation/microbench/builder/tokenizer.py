"""A word-level tokenizer: every word of the world is one token, and two marks for who speaks.

A dialogue reads ``<user> w w <assistant> w w <end> <user> w <assistant> w w <end>``. The same template is in
``tokenizer_config.json``, so AutoTokenizer's ``apply_chat_template`` gives the same tokens.
"""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

PAD, UNKNOWN, USER, ASSISTANT, END = "<pad>", "<unk>", "<user>", "<assistant>", "<end>"
MARKS = (PAD, UNKNOWN, USER, ASSISTANT, END)

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}{{ '<user> ' + message['content'] + ' ' }}"
    "{%- else -%}{{ '<assistant> ' + message['content'] + ' <end> ' }}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<assistant> ' }}{%- endif -%}"
)


def vocabulary(words: list[str]) -> dict[str, int]:
    """Word to token id: the five marks first, then the words in order."""
    return {word: index for index, word in enumerate([*MARKS, *words])}


def write_tokenizer(words: list[str], folder: Path, longest: int) -> None:
    """Writes tokenizer.json and tokenizer_config.json."""
    tokenizer = Tokenizer(WordLevel(vocabulary(words), unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.add_special_tokens(list(MARKS))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "eos_token": END,
        "model_max_length": longest,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
