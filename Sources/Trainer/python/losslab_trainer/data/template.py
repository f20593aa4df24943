"""The chat template: the tokenizer's own, or one that was chosen; a missing or doubtful one is a question, no guess.

A wrong template costs more than most losses differ by, so the template is tried on a dialogue of its own: the prompt
must be the beginning of prompt and answer, the answer must follow it at once and be ended, and a system message must
be written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from losslab_trainer.data import rendering
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.rows import PreferenceRow
from losslab_trainer.data.special import added, written_ids

# These models were not trained with a turn of their own for it.
_NO_SYSTEM = (
    "{% for message in messages %}{% if message['role'] not in ('user', 'assistant') %}"
    "{{ raise_exception('no turn for the role ' ~ message['role']) }}{% endif %}{% endfor %}"
)
# Common forms, for models without one. Written out here in our own words: turn = header, text, end.
TEMPLATES: Mapping[str, str] = {
    "chatml": (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    "zephyr": (
        "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}{{ eos_token }}\n"
        "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
    ),
    "llama3": (
        "{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
        "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
    ),
    "gemma": (
        _NO_SYSTEM + "{% for message in messages %}<start_of_turn>{{ 'model' if message['role'] == 'assistant' else "
        "message['role'] }}\n{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
    ),
    "mistral": (
        _NO_SYSTEM
        + "{% for message in messages %}{% if message['role'] == 'user' %}[INST] {{ message['content'] }}[/INST]"
        "{% else %} {{ message['content'] | trim }}{{ eos_token }}{% endif %}{% endfor %}"
    ),
}
# What tells that a model knows a form: these are single tokens of its vocabulary.
MARKERS: Mapping[str, str] = {
    "chatml": "<|im_start|>",
    "zephyr": "<|assistant|>",
    "llama3": "<|start_header_id|>",
    "gemma": "<start_of_turn>",
    "mistral": "[INST]",
}

LONGEST_ERROR = 200  # characters
QUESTION, ANSWER, SYSTEM = "Qwhat is asked hereQ", "Awhat is answered hereA", "Swhat is ruled hereS"


def checked_template(rows: Sequence[PreferenceRow], tokenizer: Any, choice: str | None, *, accept: bool) -> str | None:
    """The template for these rows: Jinja text, or None for plain text. Raises DataProblem when it is in doubt."""
    if not any(row.conversational for row in rows):
        if rows and tokenizer.eos_token is None:
            raise DataProblem(
                "the tokenizer has no end-of-sequence token, so plain-text answers would never end; "
                "set eos_token in the model folder's tokenizer_config.json"
            )
        return None
    template = chosen_template(tokenizer, choice)
    if not accept:
        system = any(message.role == "system" for row in rows for message in row.prompt if not isinstance(message, str))
        doubt = doubts(tokenizer, template, system=system)
        if doubt:
            raise DataProblem(f"the chat template is doubtful: {doubt}. {choices(tokenizer, accepting=True)}")
    return template


def chosen_template(tokenizer: Any, choice: str | None) -> str:
    """Jinja text of the template that ``choice`` names, or of the tokenizer's own."""
    own = tokenizer.chat_template
    named: Mapping[str, str] = own if isinstance(own, Mapping) else {}
    if choice is None:
        if isinstance(own, str):
            return own
        if "default" in named:
            return named["default"]
        what = "has several chat templates and no default" if named else "has no chat template"
        raise DataProblem(f"the tokenizer {what}, and the rows are dialogues. {choices(tokenizer, accepting=False)}")
    if "{{" in choice or "{%" in choice:
        return choice
    if choice in named:
        return named[choice]
    if choice in TEMPLATES:
        # A model whose tokenizer begins every text with a token has never seen one without.
        begins = tokenizer.bos_token_id is not None and added(tokenizer)[0] == [tokenizer.bos_token_id]
        return ("{{ bos_token }}" if begins else "") + TEMPLATES[choice]
    if Path(choice).is_file():
        return Path(choice).read_text(encoding="utf-8")
    raise DataProblem(f"no chat template {choice!r}. {choices(tokenizer, accepting=False)}")


def doubts(tokenizer: Any, template: str, *, system: bool) -> str | None:
    """What is doubtful about a template, in one clause; None if nothing is."""
    prompt = [{"role": "user", "content": QUESTION}]
    answer = [{"role": "assistant", "content": ANSWER}]

    def write(messages: list[dict[str, str]], generation: bool) -> str:
        return rendering.write(tokenizer, messages, template=template, generation=generation)

    try:
        alone, whole = write(prompt, True), write(prompt + answer, False)
    except rendering.TemplateStopped:
        raise
    except Exception as error:  # a template is a program and may raise anything
        return f"it cannot write one question and one answer ({brief(error)})"
    if QUESTION not in alone or ANSWER not in whole:
        return "it leaves out what the messages say"
    if not whole.startswith(alone):
        return "what it writes for a prompt is not the beginning of what it writes for the prompt and its answer"
    header = whole[len(alone) : whole.index(ANSWER)].strip()
    if header and not _is_thought(alone, header):
        return f"it writes no generation prompt, so the answer would begin with {header!r}"
    end = whole[whole.index(ANSWER) + len(ANSWER) :]
    if not end.strip():
        return "it writes nothing after an answer, so the model would not learn to end one"
    if not set(written_ids(tokenizer, [end])[0]) & _own_tokens(tokenizer):
        return (
            f"it ends an answer with {end.strip()!r}, which is no token of the model's, so no answer would stop there"
        )
    if system:
        try:
            ruled = write([{"role": "system", "content": SYSTEM}, *prompt], True)
        except rendering.TemplateStopped:
            raise
        except Exception as error:
            return f"the data has system messages and it refuses them ({brief(error)})"
        if SYSTEM not in ruled:
            return "the data has system messages and it leaves them out"
    return None


def brief(error: Exception) -> str:
    """What a template raised, on one line: some put the whole dialogue into it."""
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= LONGEST_ERROR else f"{line[:LONGEST_ERROR]}…"


def _own_tokens(tokenizer: Any) -> set[int]:
    """The ids of tokens that stand for themselves in a text: special ones and those that were added."""
    return {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}


def _is_thought(prompt: str, header: str) -> bool:
    """An empty thought, which some templates write before an answer; some open it with the prompt already."""
    return (header.startswith("<think>") or prompt.rstrip().endswith("<think>")) and header.endswith("</think>")


def choices(tokenizer: Any, *, accepting: bool) -> str:
    """What can be chosen instead, for a message."""
    vocabulary = tokenizer.get_vocab()
    named = tokenizer.chat_template if isinstance(tokenizer.chat_template, Mapping) else {}
    choices = [f"`{name}` (the tokenizer's)" for name in named]
    for name in TEMPLATES:
        known = "the model's vocabulary has its markers" if MARKERS[name] in vocabulary else "markers not in vocabulary"
        choices.append(f"`{name}` ({known})")
    choices.append("a file with the Jinja template that the model was trained with")
    text = f"Choose with --chat-template: {', '.join(choices)}"
    return text + ("; or take it as it is with --accept-template" if accepting else "")
