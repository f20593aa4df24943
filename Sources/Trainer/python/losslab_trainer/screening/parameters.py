"""What a loss's parameters mean, from their names: which of the four log-probabilities, or beta.

Names decide, never a guess: where some names speak and others do not, or two say the same, the meaning is unclear and
the loss is refused. Only where no name says anything at all does the usual order count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from losslab_trainer.screening.word_sets import words

LOGPS = ("policy_chosen_logps", "policy_rejected_logps", "reference_chosen_logps", "reference_rejected_logps")
BETA = "beta"

_CHOSEN = words(
    "chosen preferred prefer winner winning win wins won positive pos plus good better best accepted accept yes up"
)
_REJECTED = words(
    """
    rejected reject dispreferred unpreferred nonpreferred loser losing lose loses lost negative neg minus bad
    worse worst declined no down
    """
)
_REFERENCE = words("reference ref refs base sft old frozen init initial anchor prior pi0 p0 theta0 0 fixed")
_POLICY = words("policy pol pi p model actor theta student current cur new online trained train y logpi")
# A name with one of these is something else than a log-probability.
_NO_LOGP = words(
    """
    rate rates ratio ratios logratio logratios reward rewards margin margins diff difference delta advantage
    advantages score scores loss losses mask masks length lengths len lens logits logit label labels weight
    weights scale coef coeff bias offset target targets gamma alpha lambda eps epsilon temperature temp tau
    smoothing kl ids input_ids tokens batch grad entropy ppl
    """
)
_SAYS_NOTHING = re.compile(
    r"(x|y|z|[a-h]|[q-v]|arg|args|input|in|tensor|t|val|value|logp|logps|lp|logprob|logprobs|log|prob|probs|term|first"
    r"|second|third|fourth|one|two|three|four|[0-9])"
)
_BETAS = re.compile(r"beta\w*|\w+_beta|β|b|temperature|temp|tau|strength|(kl_)?(coef|coeff|coefficient|weight|penalty)")
_HEADS = "log_?probs?|log_?ps?|logpi|log|lps?|pi|pol|policy|probs?|ref|reference|rp|py|p|r|y|q|x"
_TAILS = "chosen|rejected|winner|loser|win|lose|pos|neg|w|l|c|r"
_FUSED = re.compile(rf"({_HEADS})({_TAILS})")
_GREEK = {"π": "pi", "β": "beta", "θ": "theta"}


@dataclass(frozen=True)
class Meanings:
    """For each name one of LOGPS, or None; and whether some names speak although not all can be told apart."""

    logps: dict[str, str]
    unclear: tuple[str, ...]
    speaks: bool


def meanings(names: Sequence[str]) -> Meanings:
    """Of parameters without self and beta."""
    words = {name: words_of(name) for name in names}
    letters = {letter for parts in words.values() for letter in parts if letter in ("w", "l", "c", "r")}
    sides: dict[str, str | None] = {}
    sources: dict[str, str] = {}
    for name, parts in words.items():
        side, source = _side_and_source(parts, letters)
        sides[name] = side
        sources[name] = source or "policy"
    found = {name: f"{sources[name]}_{side}_logps" for name, side in sides.items() if side is not None}
    twice = {meaning for meaning in found.values() if list(found.values()).count(meaning) > 1}
    unclear = tuple(name for name in names if name not in found or found[name] in twice)
    speaks = any(side is not None for side in sides.values()) or any(
        part in _REFERENCE - {"0", "p0", "base", "init"} or part in _NO_LOGP or (part in _POLICY and len(part) > 1)
        for parts in words.values()
        for part in parts
    )
    return Meanings({name: found[name] for name in names if name not in unclear}, unclear, speaks)


def by_order(names: Sequence[str]) -> dict[str, str] | None:
    """Four names that say nothing, in the order of LOGPS; None for others."""
    if len(names) != len(LOGPS) or meanings(names).speaks:
        return None
    if not all(_SAYS_NOTHING.fullmatch(part) for name in names for part in words_of(name)):
        return None
    return dict(zip(names, LOGPS, strict=True))


def is_beta(name: str) -> bool:
    return _BETAS.fullmatch(name.lower().removeprefix("self_").strip("_")) is not None


def says_something_else(name: str) -> bool:
    return any(part in _NO_LOGP for part in words_of(name))


def words_of(name: str) -> list[str]:
    """``logPiChosen`` -> log, pi, chosen; ``log_pi_yw`` -> log, pi, y, w; ``pi0_w`` -> pi0, w."""
    for letter, spelled in _GREEK.items():
        name = name.replace(letter, spelled)
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    parts: list[str] = []
    for part in spaced.split("_"):
        known = part in _CHOSEN | _REJECTED | _REFERENCE | _POLICY | _NO_LOGP
        plain = part if known else part.rstrip("123456789")
        fused = None if known else _FUSED.fullmatch(plain)
        if fused is not None:
            parts += [fused[1], fused[2]]
        elif re.fullmatch(r"[a-z]+0", part) and part not in _REFERENCE:
            parts += [part[:-1], "0"]
        elif plain:
            parts.append(plain)
    return parts


def _side_and_source(parts: list[str], letters: set[str]) -> tuple[str | None, str | None]:
    if any(part in _NO_LOGP for part in parts):
        return None, None
    chosen, rejected = (any(part in words for part in parts) for words in (_CHOSEN, _REJECTED))
    rest = list(parts)
    if {"w", "l"} <= letters:
        chosen, rejected = chosen or "w" in rest, rejected or "l" in rest
    if not (chosen or rejected) and {"c", "r"} <= letters:
        if "c" in rest:
            chosen = True
        elif "r" in rest:  # of two, the first is the reference: r_r
            rejected = True
            rest.reverse()
            rest.remove("r")
            rest.reverse()
    if chosen == rejected:
        return None, None
    reference = any(part in _REFERENCE or part in ("r", "rp") for part in rest)
    return "chosen" if chosen else "rejected", "reference" if reference else "policy"
