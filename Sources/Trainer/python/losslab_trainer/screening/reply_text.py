"""The characters of a reply: line ends, markers of chat templates, block quotes, and look-alikes of Python's signs.

Everything here keeps the number of lines, so that a line of the code is a line of the reply.
"""

from __future__ import annotations

import re
import unicodedata

# A turn ends here; what a model writes behind it answers a question that nobody asked.
_ENDS = ("<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end_of_text|>", "<end_of_turn>", "<|file_sep|>",
         "<|repo_name|>", "<|fim_pad|>", "<|return|>", "<|END_OF_TURN_TOKEN|>")  # fmt: skip
_MARKERS = re.compile(
    r"<\|im_start\|>(assistant)?|<\|start_header_id\|>\w*<\|end_header_id\|>|<\|assistant\|>|<start_of_turn>(model)?"
    r"|\[/?INST\]|</?s>|<\|end\|>|<\|fim_(prefix|middle|suffix)\|>|<\|begin_of_text\|>"
)
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u00ad\ufeff\ufffc]")
_SEPARATORS = re.compile("[\u2028\u2029\x0b\x0c\x85]")
# By their names, since they look like the signs that they are taken for.
_ALIKE = str.maketrans(
    {unicodedata.lookup(name): plain for plain, names in (
        ('"', "LEFT DOUBLE QUOTATION MARK|RIGHT DOUBLE QUOTATION MARK|DOUBLE LOW-9 QUOTATION MARK"
              "|LEFT-POINTING DOUBLE ANGLE QUOTATION MARK|RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK"),
        ("'", "LEFT SINGLE QUOTATION MARK|RIGHT SINGLE QUOTATION MARK|SINGLE LOW-9 QUOTATION MARK|PRIME"),
        ("-", "EN DASH|EM DASH|HYPHEN|NON-BREAKING HYPHEN|FULLWIDTH HYPHEN-MINUS"),
        ("*", "MULTIPLICATION SIGN|MIDDLE DOT|ASTERISK OPERATOR|DOT OPERATOR"),
        ("/", "DIVISION SIGN|DIVISION SLASH"),
        ("(", "FULLWIDTH LEFT PARENTHESIS"), (")", "FULLWIDTH RIGHT PARENTHESIS"),
        (",", "FULLWIDTH COMMA"), (":", "FULLWIDTH COLON"), ("=", "FULLWIDTH EQUALS SIGN"),
        ("+", "FULLWIDTH PLUS SIGN"),
        ("...", "HORIZONTAL ELLIPSIS"), ("<=", "LESS-THAN OR EQUAL TO"), (">=", "GREATER-THAN OR EQUAL TO"),
    ) for name in names.split("|")}
)  # fmt: skip


def normalised(text: str) -> str:
    r"""Line ends as ``\n``; ordinary spaces and minus signs; nothing invisible; without the marks of chat templates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SEPARATORS.sub("\n", _INVISIBLE.sub("", _SPACES.sub(" ", text))).replace("\u2212", "-")
    ends = [at for mark in _ENDS if (at := text.find(mark)) >= 0 and text[:at].strip()]
    if ends:
        text = text[: min(ends)]
    for mark in _ENDS:
        text = text.replace(mark, "")
    return _MARKERS.sub("", text)


def without_quote_marks(text: str) -> str:
    """Runs of lines that begin with ``>`` and hold code, without that mark."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and re.match(r"[ \t]*>(?!>)", lines[end]):
            end += 1
        if any(re.match(r"[ \t]*> ?[ \t]*(```|~~~|def |import |return )", line) for line in lines[at:end]):
            lines[at:end] = [re.sub(r"^[ \t]*> ?", "", line) for line in lines[at:end]]
        at = max(end, at + 1)
    return "\n".join(lines)


def with_plain_signs(code: str) -> str:
    """Typographic quotes, dashes and operators as Python's own."""
    return code.translate(_ALIKE)


def with_whole_escapes(code: str) -> str:
    r"""``\u``, ``\U``, ``\x`` and ``\N`` that begin no escape, as in a docstring with LaTeX, get their backslash."""
    return re.sub(r"(?<!\\)\\(?=u(?![0-9a-fA-F]{4})|U(?![0-9a-fA-F]{8})|x(?![0-9a-fA-F]{2})|N(?!\{))", r"\\\\", code)


def without_magics(code: str) -> str:
    """Without a notebook's own commands, such as ``%matplotlib inline`` and ``!pip install torch``."""
    return re.sub(r"(?m)^[ \t]*[%!][^\n]*$", "", code)


def without_prompts(code: str) -> str:
    """Code from a Python shell (``>>> ``, ``... ``), a numbered listing or a diff, without what stands before it."""
    lines = code.split("\n")
    written = [line for line in lines if line.strip()]
    if any(line.startswith(">>> ") for line in written):
        return "\n".join(re.sub(r"^(>>>|\.\.\.)( |$)", "", line) for line in lines)
    if len(written) > 1 and all(re.match(r"[ \t]*\d+[|:.]?( |$)", line) for line in written):
        return "\n".join(re.sub(r"^[ \t]*\d+[|:.]?( |$)", "", line) for line in lines)
    if sum(line.startswith("+") for line in written) > 1 and all(re.match(r"[+ @-]", line) for line in written):
        return "\n".join("" if line.startswith(("-", "@@")) else line[1:] for line in lines)
    return code
