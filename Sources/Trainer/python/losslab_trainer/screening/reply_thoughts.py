"""What a model thought before it answered: told apart from the answer, and never taken for it.

A mark counts where models put one, at the beginning of a line; the mere word ``<think>`` within a sentence is prose.
"""

from __future__ import annotations

import re

_NAMES = "think|thinking|thought|thoughts|thought_process|reasoning|reflection|scratchpad|analysis|seed:think"
_OPENING = re.compile(rf"(?im)^[ \t]*(?:<({_NAMES})>|\[(THINK)\]|<\|begin_of_(thought)\|>|◁(think)▷|<\|(thinking)\|>)")
_CLOSING = re.compile(
    rf"(?i)(?<![^`\n]`)(?<!['\"])(?:</({_NAMES})>|\[/(THINK)\]|<\|end_of_(thought)\|>|◁/(think)▷|<\|/(thinking)\|>)(?!`(?!``)|['\"])"
)
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*<\|message\|>")
_CHANNEL = re.compile(r"<\|channel\|>|<\|start\|>assistant")
# The same with its marks lost on the way: "analysisWe need ... assistantfinalHere is ...".
_BARE_CHANNELS = re.compile(r"\A\s*analysis(?=[A-Z\s]).*assistant(commentary.*assistant)?final", re.DOTALL)
_HARMONY_MARK = re.compile(r"<\|(channel|start|message|end|return|constrain|call)\|>")
_TAGGED_FIELDS = re.compile(r"(?is)\A[ \t\n]*<(thought|thoughts|reasoning|analysis)>(.*?)</\1>")


def without_thoughts(text: str) -> tuple[str, bool]:
    """The answer, at its own lines, and whether there were thoughts. Thoughts that never ended leave no answer."""
    answer = _without_channels(text)
    if answer is not None:
        return answer, True
    found = False
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        closing = _CLOSING.search(text, opening.end())
        if closing is not None:
            text = _blank(text, opening.start(), closing.end())
            at = closing.end()
        elif not text[: opening.start()].strip():
            return "", True
        else:
            at = opening.end()  # after an answer has begun, an unclosed mark is no thought that hides the rest
            if opening.group().lstrip().startswith(("[", "◁", "<|")) or _ends_line(text, opening.end()):
                return _blank(text, opening.start(), len(text)), True
            continue
        found = True
    # Templates that open the thoughts themselves leave only the closing mark in the reply.
    closings = [match for match in _CLOSING.finditer(text) if _ends_line(text, match.end())]
    if closings:
        return _blank(text, 0, closings[-1].end()), True
    return text, found


def told_thought(text: str) -> str | None:
    """What a reply in tags gives as its reason: ``<thought>...</thought>`` at its beginning."""
    match = _TAGGED_FIELDS.search(text)
    return match[2].strip() or None if match is not None else None


def _without_channels(text: str) -> str | None:
    """Of the channels of gpt-oss's format only the final one; None where there are no channels."""
    if _CHANNEL.search(text):
        finals = list(_FINAL.finditer(text))
        kept = _blank(text, 0, finals[-1].end()) if finals else ""
        return _HARMONY_MARK.sub("", kept)
    match = _BARE_CHANNELS.match(text)
    return _blank(text, 0, match.end()) if match is not None else None


def _ends_line(text: str, place: int) -> bool:
    """Whether nothing but an answer's beginning on another line, or a fence, stands behind this place."""
    rest = text[place:].split("\n", 1)[0].strip()
    return not rest or rest.startswith(("```", "{", "~~~", "def ", "import "))


def _blank(text: str, start: int, end: int) -> str:
    """The text with only the line breaks left of a part of it."""
    return text[:start] + "\n" * text.count("\n", start, end) + text[end:]
