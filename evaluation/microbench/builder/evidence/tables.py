"""Renders the evidence as the README's tables, between two marks; everything else in the README is written by hand."""

from __future__ import annotations

from itertools import combinations
from statistics import fmean

from builder.evidence.measures import mean_and_error, paired_difference, seeds_for, spearman
from builder.evidence.records import Record
from builder.world_files import MICROBENCH

BEGIN, END = "<!-- evidence: begin -->", "<!-- evidence: end -->"
README = MICROBENCH / "README.md"
TEN = 10
WANTED_SPEARMAN = 0.95


def write_tables(records: dict[str, Record]) -> None:
    """Replaces what is between the marks in README.md."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n\n{render(records)}\n{END}{after}", encoding="utf-8")


def render(records: dict[str, Record]) -> str:
    parts = [_reproducibility(records), _controls(records), _headroom(records), _agreement(records)]
    return "\n".join([*parts, *(_catalogue(record) for record in records.values())])


def _catalogue(record: Record) -> str:
    rows = [
        f"### `{record['world']}`: the tuned catalogue",
        "",
        f"{_untrained(record)} {record['trials']} trials.",
        "",
        "| loss | lr | beta | score | greedy | fresh seeds and pairs | held-out | held-out greedy | KL |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for loss in _ranked(record):
        search, fresh = loss["search"], loss["confirmation"]
        name = loss["name"] if loss["kind"] == "catalogue" else f"*{loss['name']}* ({loss['kind']})"
        columns = [
            _with_error(search["t07"]),
            _mean(search["greedy"]),
            _with_error(fresh["t07"]),
            _with_error(fresh["heldOut"]),
            _mean(fresh["heldOutGreedy"]),
            _mean(search["kl"]),
        ]
        rows.append(f"| {name} | {loss['learningRate']:g} | {loss['beta']:g} | {' | '.join(columns)} |")
    return "\n".join([*rows, ""])


def _reproducibility(records: dict[str, Record]) -> str:
    rows = [
        "### Does the ranking repeat?",
        "",
        "Seeds 1-3 on the search pairs against seeds 101-103 on the confirmation pairs, same questions: Spearman of",
        "all losses, and of those that are no controls and score above the untrained policy; the seeds a side that",
        f"would take each to {WANTED_SPEARMAN} (Spearman-Brown). Last, the pairs of losses that differ by more than",
        "two standard errors of their paired difference over the three seeds, and how many of them keep their order.",
        "",
        "| world | all losses | n | seeds for .95 | sound losses | n | seeds for .95 | clear pairs | same order |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for world, record in records.items():
        everything = _complete(record)
        sound = [loss for loss in everything if loss["kind"] != "control" and _above_untrained(record, loss)]
        cells = [cell for losses in (everything, sound) for cell in _correlation_cells(losses)]
        clear, kept = _clear_pairs(everything)
        rows.append(f"| `{world}` | {' | '.join(cells)} | {clear} | {100 * kept / clear:.1f} % |")
    return "\n".join([*rows, ""])


def _correlation_cells(losses: list[Record]) -> list[str]:
    one, other = ([fmean(loss[phase]["t07"]) for loss in losses] for phase in ("search", "confirmation"))
    correlation = spearman(one, other)
    seeds = seeds_for(WANTED_SPEARMAN, correlation, len(losses[0]["search"]["t07"]))
    return [f"{correlation:.3f}", f"{len(losses)}", f"{seeds}"]


def _clear_pairs(losses: list[Record]) -> tuple[int, int]:
    """Pairs of losses that the search tells apart, and those of them that fresh seeds and pairs order alike."""
    clear = kept = 0
    for one, other in combinations(losses, 2):
        difference, error = paired_difference(one["search"]["t07"], other["search"]["t07"])
        if abs(difference) > 2 * error:
            clear += 1
            kept += difference * (fmean(one["confirmation"]["t07"]) - fmean(other["confirmation"]["t07"])) > 0
    return clear, kept


def _controls(records: dict[str, Record]) -> str:
    names = sorted(
        {loss["name"] for record in records.values() for loss in record["losses"] if loss["kind"] == "control"}
    )
    rows = [
        "### Controls",
        "",
        "Score with fresh seeds and pairs, beside the best loss, DPO and the untrained policy.",
        "",
        f"| world | best | dpo | untrained | {' | '.join(names)} |",
        "|---" * (4 + len(names)) + "|",
    ]
    for world, record in records.items():
        scores = {loss["name"]: fmean(loss["confirmation"]["t07"]) for loss in _complete(record)}
        best = max(scores, key=lambda name: scores[name])
        cells = [f"{scores[name]:.2f}" if name in scores else "rejected" for name in ("dpo", *names)]
        cells.insert(1, f"{record['untrained']['t07']:.2f}")
        rows.append(f"| `{world}` | {best} {scores[best]:.2f} | {' | '.join(cells)} |")
    return "\n".join([*rows, ""])


def _headroom(records: dict[str, Record]) -> str:
    rows = [
        "### How much a search can gain over the tuned catalogue",
        "",
        "The best probe against the best catalogue loss, both by search score; paired differences on held-out",
        "questions over fresh seeds and pairs, mean ± standard error.",
        "",
        "| world | best catalogue | held-out | best probe | difference, T=0.7 | difference, greedy | seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    for world, record in records.items():
        ranked = [loss for loss in _ranked(record) if loss["name"] in record["repeated"]]
        catalogue = next((loss["name"] for loss in ranked if loss["kind"] == "catalogue"), None)
        probe = next((loss["name"] for loss in ranked if loss["kind"] == "probe"), None)
        if catalogue is None or probe is None:
            continue
        one, other = record["repeated"][probe], record["repeated"][catalogue]
        if None in [*one["heldOut"], *other["heldOut"]]:
            continue
        score, greedy = (paired_difference(one[key], other[key]) for key in ("heldOut", "heldOutGreedy"))
        rows.append(
            f"| `{world}` | {catalogue} | {_with_error(other['heldOut'])} | {probe} | {score[0]:+.3f} ± "
            f"{score[1]:.3f} | {greedy[0]:+.3f} ± {greedy[1]:.3f} | {len(one['heldOut'])} |"
        )
    return "\n".join([*rows, ""])


def _agreement(records: dict[str, Record]) -> str:
    rows = [
        "### Do the worlds agree?",
        "",
        "Spearman of the catalogue's held-out scores between worlds; in brackets among the row's ten best.",
        "",
        f"| | {' | '.join(f'`{world}`' for world in records)} |",
        "|---" * (1 + len(records)) + "|",
    ]
    for world, record in records.items():
        cells = ["" if other is record else _agreement_cell(record, other) for other in records.values()]
        rows.append(f"| `{world}` | {' | '.join(cells)} |")
    return "\n".join([*rows, ""])


def _agreement_cell(record: Record, other: Record) -> str:
    one, two = (
        {loss["name"]: fmean(loss["confirmation"]["heldOut"]) for loss in _complete(each) if loss["kind"] != "probe"}
        for each in (record, other)
    )
    shared = sorted((name for name in one if name in two), key=lambda name: -one[name])
    overall, top = (spearman([one[n] for n in names], [two[n] for n in names]) for names in (shared, shared[:TEN]))
    return f"{overall:.2f} ({top:.2f})"


def _ranked(record: Record) -> list[Record]:
    return sorted(record["losses"], key=lambda loss: -fmean(value or 0.0 for value in loss["search"]["t07"]))


def _complete(record: Record) -> list[Record]:
    """Losses of which no trial was rejected."""
    return [loss for loss in record["losses"] if None not in [*loss["search"]["t07"], *loss["confirmation"]["t07"]]]


def _above_untrained(record: Record, loss: Record) -> bool:
    return bool(fmean(loss["search"]["t07"]) > record["untrained"]["t07"])


def _untrained(record: Record) -> str:
    scores = record["untrained"]
    return (
        f"Untrained policy: {scores['t10']:.2f} at T=1, {scores['t07']:.2f} at T=.7, {scores['t03']:.2f} at T=.3, "
        f"{scores['greedy']:.2f} greedy."
    )


def _with_error(values: list[float | None]) -> str:
    present = [value for value in values if value is not None]
    if len(present) < len(values):
        return f"{len(values) - len(present)} of {len(values)} rejected"
    mean, error = mean_and_error(present)
    return f"{mean:.2f} ± {error:.2f}"


def _mean(values: list[float | None]) -> str:
    present = [value for value in values if value is not None]
    return f"{fmean(present):.2f}" if present else ""
