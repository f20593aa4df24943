"""Token ids of texts with the special tokens that belong there, compared as ids: one beginning, one end.

Some tokenizers begin every text with a token, or end it with one, and texts may bring the same tokens along, spelled
out. Training and sampling both encode here, so that a prompt has the same ids in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from losslab_trainer.data.rows import Finding, PreferenceRow, plain_text


def added(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that a tokenizer puts before and after every text by itself."""
    special = set(tokenizer.all_special_ids)
    own = (tokenizer.decode([i]) for i in range(len(tokenizer)) if i not in special)
    # Some vocabularies have not even an "a".
    tried = ((text, _ids(tokenizer, [text], add=False)[0]) for text in chain(["a"], own))
    text, alone = next(((text, ids) for text, ids in tried if ids), ("a", []))
    whole = _ids(tokenizer, [text], add=True)[0]
    starts = (i for i in range(len(whole) - len(alone) + 1) if whole[i : i + len(alone)] == alone)
    start = next(starts, 0)
    return whole[:start], whole[start + len(alone) :]


def plain_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Ids of plain texts, begun as the tokenizer begins them, once, and not ended."""
    begin, end = added(tokenizer)
    found = []
    for ids in _ids(tokenizer, texts, add=True):
        own = ids[len(begin) : len(ids) - len(end)]
        found.append(own if begin and own[: len(begin)] == begin else begin + own)
    return found


def ended(ids: list[int], end: int) -> list[int]:
    """Ids with the end of a sequence, unless they end so already."""
    return ids if ids[-1:] == [end] else [*ids, end]


def written_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Ids of texts that a chat template wrote, with all special tokens; at most one beginning of a sequence."""
    begin = tokenizer.bos_token_id
    return [
        ids[1:] if begin is not None and ids[:2] == [begin, begin] else ids for ids in _ids(tokenizer, texts, add=False)
    ]


def spelled_out(rows: Iterable[PreferenceRow], tokenizer: Any) -> Iterator[Finding]:
    """Text that becomes control tokens: a reader of the text sees words, the model does not. One finding a row."""
    special = [token for token in tokenizer.all_special_tokens if len(token) > 2]
    for row in rows:
        sides = (("prompt", row.prompt), ("chosen", row.chosen), ("rejected", row.rejected))
        texts = ((name, plain_text(text)) for name, text in sides)
        found = next(((name, token) for name, text in texts for token in special if token in text), None)
        if found:
            yield Finding(row.row, "special-token", f"{found[0]} contains {found[1]!r}")


def _ids(tokenizer: Any, texts: Sequence[str], *, add: bool) -> list[list[int]]:
    if not texts:
        return []
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=add)["input_ids"]
    return ids
