"""The worker's jobs ``check`` and ``import``: text in, a Screening or a file out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from losslab_trainer.contract import LossEvaluator, LossRejected, LossValues
from losslab_trainer.screening import gate, parsing, reply_names
from losslab_trainer.screening.extract import Reply
from losslab_trainer.screening.fingerprint import fingerprint
from losslab_trainer.screening.forms import FileForm, renamed, to_file_form
from losslab_trainer.screening.header import Value
from losslab_trainer.screening.inputs import Evaluate, Quadruple
from losslab_trainer.screening.probe import FLAWS_OF_GRADIENT, Check, probe
from losslab_trainer.screening.reply_echo import canonical, repeats
from losslab_trainer.screening.shape import shape
from losslab_trainer.screening.turned import turned

if TYPE_CHECKING:
    from losslab_trainer.loss_process import LossProcess
    from losslab_trainer.serve import Context, Job


def check(job: Job, context: Context) -> dict[str, object]:
    """Screens one loss: form, gate, probe, shape, fingerprint. A refused loss is a result like any other.

    ``source`` is a file's text or a model's reply. For a reply, ``cutOff`` says that the token limit ended it,
    ``shown`` is the code of the losses in the prompt, and ``prompt`` the prompt's text. ``name`` wins over any name in
    the text.
    A loss that only pulls the wrong way, and is sound with its sign turned, is refused with that other loss as
    ``turned``.
    ``allowControl`` false makes a header's ``control: true`` count for nothing, as it must in a campaign.
    """
    started = time.perf_counter()
    result = _screened(job, context)
    return {**result, "seconds": round(time.perf_counter() - started, 4)}


def import_loss(job: Job, context: Context) -> dict[str, object]:
    """The file form of a loss in any form, with the header's fields that the job gives. Nothing is run."""
    header = job.get("header")
    form = to_file_form(_text(job, "source"), _name(job), _header(header) if isinstance(header, Mapping) else None)
    refused = gate.violations(form.source)
    if refused:
        raise _at_original_line(refused[0], form)
    return {"source": form.source, "name": form.name, "forms": form.forms, **_unlike(form)}


def _screened(job: Job, context: Context) -> dict[str, object]:
    try:
        form = to_file_form(_text(job, "source"), _name(job), _overruled(job), reply=_reply(job))
    except LossRejected as rejection:
        return _result(None, [rejection], [])
    if is_echo(form, _reply(job).shown):
        return _result(form, [LossRejected("copied", "the prompt showed this very loss; change what it computes")], [])
    refused = gate.violations(form.source)
    if any(rejection.code == "type" for rejection in refused) and repeats(_text(job, "source"), _reply(job).prompt):
        return _result(form, [LossRejected("echoed", "the reply repeats the prompt; write the function")], [])
    if refused:
        measured = "; ".join(f"line {r.line}: {r.message}" for r in refused[:5])
        return _result(form, refused, [Check("static-gate", False, measured)])
    checks = [Check("static-gate", True, "allowed constructs, names and attributes only")]
    try:
        process = context.loss_processes.open(form.source)
    except LossRejected as rejection:
        return _result(form, [rejection], [*checks, Check("loads", False, rejection.message)])
    try:
        control = form.header.get("control") is True
        result = measured_result(form, measuring(process), checks, control=control, sandbox=process.layers)
    finally:
        process.close()
    prompt = _reply(job).prompt
    return {**_named_by_shape(result, form, prompt), "turned": _turned(result, form, prompt, context)}


def _turned(result: dict[str, object], form: FileForm, prompt: str, context: Context) -> object:
    """The loss with its sign turned, where that makes a sound loss of one that lacks nothing but the direction."""
    rejections = result["rejections"]
    if not isinstance(rejections, list) or {rejection["code"] for rejection in rejections} != {"gradient"}:
        return None
    other = turned(form)
    if other is None:
        return None
    try:
        process = context.loss_processes.open(other.source)
    except LossRejected:
        return None
    try:
        found = measured_result(other, measuring(process), [])
        return _named_by_shape(found, other, prompt)["source"] if found["accepted"] else None
    finally:
        process.close()


def is_echo(form: FileForm, shown: Sequence[str]) -> bool:
    """Whether a loss is, but for its name, comments and docstrings, one of those that the prompt showed."""
    own = canonical(parsing.parse(form.source))
    for code in shown:
        try:
            other = to_file_form(code)
        except LossRejected:
            continue
        if canonical(parsing.parse(other.source)) == own:
            return True
    return False


def _named_by_shape(result: dict[str, object], form: FileForm, prompt: str) -> dict[str, object]:
    """A loss whose text gives no name worth keeping is called by what it computes and by its measured shape."""
    shape = result["shape"]
    if form.is_named or not isinstance(shape, dict):
        return result
    named = renamed(form, reply_names.made(parsing.parse(form.source), shape, prompt))
    return {**result, "name": named.name, "source": named.source}


def measured_result(
    form: FileForm,
    evaluate: Evaluate,
    checks: list[Check],
    *,
    control: bool = False,
    sandbox: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Probe, shape and fingerprint of a loss that passed the gate, as the check job's result."""
    beta = float(str(form.header["beta"]))
    report = probe(evaluate, beta, control=control)
    found_shape = found_print = None
    rejections = list(report.rejections)
    if report.checks and all(rejection.code in {*FLAWS_OF_GRADIENT, "nonfinite"} for rejection in rejections):
        try:
            found_shape = shape(evaluate, beta)
            found_print = fingerprint(evaluate)
        except LossRejected as rejection:
            rejections.append(rejection)
    return {
        **_result(form, rejections, [*checks, *report.checks]),
        "shape": found_shape.to_json() if found_shape is not None else None,
        "fingerprint": found_print.to_json() if found_print is not None else None,
        "sandbox": dict(sandbox) if sandbox is not None else None,
    }


def measuring(process: LossProcess) -> Evaluate:
    """A loss process as the probe wants it: all partial derivatives, nothing hidden."""

    def evaluate(pairs: Quadruple, beta: float) -> LossValues:
        return process.evaluate(*pairs, beta, reference_grads=True, allow_nonfinite=True)

    return evaluate


def measuring_in_process(evaluator: LossEvaluator) -> Evaluate:
    """The same for an evaluator that hands NaN on anyway."""

    def evaluate(pairs: Quadruple, beta: float) -> LossValues:
        return evaluator.evaluate(*pairs, beta, reference_grads=True)

    return evaluate


def _result(form: FileForm | None, rejections: list[LossRejected], checks: list[Check]) -> dict[str, object]:
    if form is not None:
        rejections = [_at_original_line(rejection, form) for rejection in rejections]
    return {
        "accepted": not rejections,
        "name": form.name if form is not None else None,
        "thought": form.thought if form is not None else None,
        "source": form.source if form is not None else None,
        "forms": form.forms if form is not None else [],
        **_unlike(form),
        "rejections": [rejection.to_json() for rejection in rejections],
        "checks": [check.to_json() for check in checks],
        "shape": None,
        "fingerprint": None,
        "sandbox": None,
        "turned": None,
    }


def _at_original_line(rejection: LossRejected, form: FileForm) -> LossRejected:
    """With the line of the text that was given; without one where the line is our own addition."""
    line = form.original_line(rejection.line)
    return LossRejected(rejection.code, rejection.message, line, rejection.details)


def _unlike(form: FileForm | None) -> dict[str, object]:
    """What of the given text the file form has not, and what in other words."""
    if form is None:
        return {"removed": [], "rewritten": []}
    return {"removed": list(form.removed), "rewritten": list(form.rewritten)}


def _overruled(job: Job) -> dict[str, Value] | None:
    """What a header may not say of itself, for a training asks the file and not us."""
    return None if job.get("allowControl", True) is True else {"control": False}


def _reply(job: Job) -> Reply:
    shown, prompt = job.get("shown"), job.get("prompt")
    texts = tuple(text for text in shown if isinstance(text, str)) if isinstance(shown, list) else ()
    return Reply(job.get("cutOff") is True, texts, prompt if isinstance(prompt, str) else "")


def _text(job: Job, key: str) -> str:
    value = job.get(key)
    if not isinstance(value, str):
        raise ValueError(f"the job's {key} is not text")
    return value


def _name(job: Job) -> str | None:
    name = job.get("name")
    return name if isinstance(name, str) and name else None


def _header(given: Mapping[object, object]) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for key, value in given.items():
        if isinstance(key, str) and isinstance(value, bool | int | float | str):
            fields[key] = value
        elif isinstance(key, str) and isinstance(value, list):
            fields[key] = [str(item) for item in value]
    return fields
