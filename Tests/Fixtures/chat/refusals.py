"""What servers refuse, and how they say it: each taken from a public report. Data of `scripted_server.py`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any


def openai_error(message: str, parameter: str | None = None) -> str:
    error = {"message": message, "type": "invalid_request_error", "param": parameter, "code": None}
    return json.dumps({"error": error})


def format_type(request: dict[str, Any]) -> str:
    return str((request.get("response_format") or {}).get("type", ""))


def has_system(request: dict[str, Any]) -> bool:
    return any(message.get("role") == "system" for message in request["messages"])


Refusal = tuple[Callable[[dict[str, Any]], bool], int, str]

# Behaviour -> what is refused, status, body: as the providers and servers write them.
REFUSED: dict[str, Refusal] = {
    "notemperature": (
        lambda r: "temperature" in r,
        400,
        openai_error(
            "Unsupported value: 'temperature' does not support 0.3 with this model. Only the default (1) is supported.",
            "temperature",
        ),
    ),
    "onlyone": (
        lambda r: r.get("temperature", 1) != 1,
        400,
        json.dumps(
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "`temperature` may only be set to 1 when thinking is enabled.",
                },
            }
        ),
    ),
    "strictlypositive": (
        lambda r: r.get("temperature") == 0,
        422,
        json.dumps(
            {"error": "Input validation error: `temperature` must be strictly positive", "error_type": "validation"}
        ),
    ),
    "noseed": (lambda r: "seed" in r, 400, openai_error("Unrecognized request argument supplied: seed")),
    "extraseed": (
        lambda r: "seed" in r,
        422,
        json.dumps(
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}
        ),
    ),
    "nostop": (
        lambda r: "stop" in r,
        400,
        openai_error("Unsupported parameter: 'stop' is not supported with this model.", "stop"),
    ),
    "fewstops": (
        lambda r: "stop" in r,
        422,
        json.dumps({"error": "Input validation error: `stop` supports up to 1 stop sequences. Given: 2"}),
    ),
    "lmstudioformat": (
        lambda r: format_type(r) == "json_object",
        400,
        json.dumps({"error": "'response_format.type' must be 'json_schema' or 'text'"}),
    ),
    "noschema": (
        lambda r: format_type(r) == "json_schema",
        400,
        openai_error('response_format type must be one of "text" or "json_object", but got: json_schema'),
    ),
    "noformat": (
        lambda r: "response_format" in r,
        400,
        openai_error("This model does not support JSON mode.", "response_format"),
    ),
    "noeffort": (
        lambda r: "reasoning_effort" in r,
        400,
        openai_error("Unrecognized request argument supplied: reasoning_effort"),
    ),
    "nothinking": (lambda r: "reasoning_effort" in r, 400, openai_error('"qwen2.5" does not support thinking')),
    "onereply": (
        lambda r: int(r.get("n", 1)) > 1,
        400,
        json.dumps({"error": {"code": 400, "message": "Field 'n': Value must be between 1 <= value <= 1, but got 3"}}),
    ),
    "nosystem": (has_system, 400, openai_error("System role not supported")),
    "nosystemrole": (
        has_system,
        400,
        openai_error(
            "Unsupported value: 'messages[0].role' does not support 'system' with this model.", "messages[0].role"
        ),
    ),
    "nosystemgoogle": (
        has_system,
        400,
        json.dumps(
            [{"error": {"code": 400, "message": "Developer instruction is not enabled for models/gemma-3-1b-it"}}]
        ),
    ),
    "nosystemjinja": (
        has_system,
        500,
        json.dumps(
            {"error": {"code": 500, "message": "Jinja Exception: System role not supported", "type": "server_error"}}
        ),
    ),
    "alternate": (
        lambda r: any(a["role"] == b["role"] for a, b in itertools.pairwise(r["messages"])),
        400,
        openai_error("Conversation roles must alternate user/assistant/user/assistant/..."),
    ),
    "newmaxtokens": (
        lambda r: "max_completion_tokens" in r,
        400,
        openai_error("Unrecognized request argument supplied: max_completion_tokens"),
    ),
}

# Behaviour -> status, body, whatever was asked.
RAW: dict[str, tuple[int, str]] = {
    "alwaystemperature": (400, openai_error("'temperature' is not supported", "temperature")),
    "echoedrequest": (400, openai_error('Bad request: {"temperature": 0.3, "seed": 1, "n": 3, "stop": ["END"]}')),
    "keygoogle": (
        400,
        json.dumps(
            [
                {
                    "error": {
                        "code": 400,
                        "message": "API key not valid. Please pass a valid API key.",
                        "status": "INVALID_ARGUMENT",
                        "details": [{"reason": "API_KEY_INVALID"}],
                    }
                }
            ]
        ),
    ),
    "keyexpired": (400, json.dumps({"errors": [{"code": 10000, "message": "The API key has expired."}]})),
    "longgoogle": (
        400,
        json.dumps(
            [
                {
                    "error": {
                        "code": 400,
                        "message": "The input token count (2000) exceeds the maximum number of tokens allowed (1000).",
                    }
                }
            ]
        ),
    ),
    "waitwords": (429, openai_error("Rate limit reached for x. Limit: 3 / min. Please try again in 900ms.")),
    "waitfield": (
        429,
        json.dumps(
            [
                {
                    "error": {
                        "code": 429,
                        "message": "Quota exceeded for metric x.",
                        "status": "RESOURCE_EXHAUSTED",
                        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.9s"}],
                    }
                }
            ]
        ),
    ),
    "choiceerror": (
        200,
        json.dumps(
            {
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "half an"},
                        "finish_reason": "error",
                        "error": {"code": 502, "message": "Upstream is down"},
                    }
                ],
                "usage": {"prompt_tokens": 10, "completion_tokens": 2},
            }
        ),
    ),
    "choicecontext": (
        200,
        json.dumps({"choices": [{"error": {"code": "400", "message": "This model's maximum context length is 10"}}]}),
    ),
    "finisherror": (
        200,
        json.dumps({"choices": [{"message": {"role": "assistant", "content": "half"}, "finish_reason": "error"}]}),
    ),
    "abort": (
        200,
        json.dumps(
            {
                "choices": [
                    {
                        "text": "half",
                        "message": {"content": "half"},
                        "finish_reason": {"type": "abort", "message": "out of memory"},
                    }
                ]
            }
        ),
    ),
    "listederror": (200, json.dumps([{"error": {"code": 503, "message": "The model is overloaded."}}])),
}

# Behaviour -> what stands beside a good reply.
BESIDE: dict[str, dict[str, Any]] = {
    "errorbeside": {"error": {"code": 502, "message": "Provider is down"}},
    "emptyerror": {"error": {}},
    "blankerror": {"error": ""},
}
