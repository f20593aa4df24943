"""What providers and servers write when they turn a request down: one shape for all, which each dialect wraps."""

from __future__ import annotations

# Behaviour -> status, type, message, code: as the providers and servers write them.
ERRORS = {
    "key": (401, "invalid_request_error", "Incorrect API key provided: {key}.", "invalid_api_key"),
    "keyanthropic": (401, "authentication_error", "invalid x-api-key {key}", None),
    "keylitellm": (400, "no_db_connection", "No connected db.", "400"),
    "model": (
        404,
        "invalid_request_error",
        "The model `x` does not exist or you do not have access.",
        "model_not_found",
    ),
    "modelanthropic": (404, "not_found_error", "model: claude-none", None),
    "modelollama": (404, "api_error", "model 'x' not found", None),
    "modelvllm": (404, "NotFoundError", "The model `x` does not exist.", 404),
    "context": (
        400,
        "invalid_request_error",
        "This model's maximum context length is 8192 tokens.",
        "context_length_exceeded",
    ),
    "contextanthropic": (400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum", None),
    "contextllamacpp": (400, "exceed_context_size_error", "the request exceeds the available context size", 400),
    "filter": (400, "invalid_request_error", "Your request was rejected.", "content_policy_violation"),
    "filterazure": (400, None, "The response was filtered due to Azure's content management policy", "content_filter"),
    "quota": (429, "insufficient_quota", "You exceeded your current quota.", "insufficient_quota"),
    "credit": (400, "invalid_request_error", "Your credit balance is too low to access the API.", None),
    "overloaded": (529, "overloaded_error", "Overloaded", None),
    "maxtokens": (
        400,
        "invalid_request_error",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "unsupported_parameter",
    ),
    "modeltransformers": (400, None, "Server is pinned to './tiny'; requested 'x'.", None),
    "format": (400, "BadRequestError", "response_format is not supported by this server", 400),
    "modelproject": (403, "invalid_request_error", "Project does not have access to model `x`.", "model_not_found"),
    "toolarge": (
        429,
        "tokens",
        "Request too large for gpt-4o on tokens per min (TPM): Limit 30000",
        "rate_limit_exceeded",
    ),
    "streamoptions": (400, "invalid_request_error", "Unrecognized request argument supplied: stream_options", None),
    "bad": (
        400,
        "invalid_request_error",
        "Unsupported value: 'temperature' does not support 0 with this model.",
        "unsupported_value",
    ),
    "place": (404, "api_error", "404 page not found", None),
}
