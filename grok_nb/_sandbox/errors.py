"""The API's error answers."""

from __future__ import annotations

import json

# What the sandbox calls its one team where an error text names it.
TEAM = "00000000-0000-4000-8000-00005a9db0c5"

# Source: xai-api.md section 13.1. `unavailable` is a guess in the newer spelling, the
# sentence for bad credentials is recorded with its end missing.
_CODES = {
    "2025": {
        "argument": "Client specified an invalid argument",
        "missing": "Some requested entity was not found",
        "exhausted": "Some resource has been exhausted",
        "permission": (
            "The caller does not have permission to execute the specified operation"
        ),
        "credentials": "The request does not have valid authentication credentials",
        "unavailable": "The service is currently unavailable",
    },
    "2026": {
        "argument": "invalid-argument",
        "missing": "not-found",
        "exhausted": "resource-exhausted",
        "permission": "permission-denied",
        "credentials": "unauthenticated:bad-credentials",
        "unavailable": "unavailable",
    },
}
VINTAGES = tuple(_CODES)

UNAVAILABLE_TEXT = "The service is currently unavailable"
NO_CREDIT_TEXT = (
    f"Your team {TEAM} has either used all available credits or reached its monthly "
    "spending limit. To continue making API requests, please purchase more credits or "
    "raise your spending limit."
)
LIVE_SEARCH_TEXT = (
    "Live search is deprecated. Please switch to the Agent Tools API: "
    "https://docs.x.ai/docs/guides/tools/overview"
)
JSON_TYPE_TEXT = "Expected a request body with `Content-Type: application/json`."
DESERIALIZE_TEXT = "Failed to deserialize the JSON body into the target type: "

# Meaning of the code (None: the body has no code) and text, for a scripted status.
BY_STATUS: dict[int, tuple[str | None, str]] = {
    400: ("argument", "Invalid request content: the sandbox was told to refuse it."),
    401: ("credentials", "No API key was given, or the header has the wrong form."),
    403: ("permission", "The API key or its team is blocked."),
    404: ("missing", "The requested resource was not found."),
    405: ("argument", "The method is not allowed on this path."),
    410: (None, LIVE_SEARCH_TEXT),
    413: ("argument", "The request body is too large."),
    415: ("argument", JSON_TYPE_TEXT),
    422: (None, DESERIALIZE_TEXT + "the sandbox was told to refuse it"),
    429: (
        "exhausted",
        (
            f"Too many requests for team {TEAM}. Your team's rate limit is - Requests "
            "per Minute (actual/limit): 2/2."
        ),
    ),
}


class ApiError(Exception):
    """
    An answer with an error status.

    Parameters
    ----------
    status : int
        HTTP status.
    meaning : str or None
        Key of the code table; None where the API sends a body without a code.
    text : str
        What went wrong, the body's ``error``.
    headers : dict of str to str, optional
        Further response headers.
    """

    def __init__(
        self,
        status: int,
        meaning: str | None,
        text: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.meaning = meaning
        self.text = text
        self.headers = headers or {}

    def body(self, vintage: str) -> tuple[str, bytes]:
        """Give content type and bytes of the answer."""
        if self.status == 422 and vintage == "2025":
            return "text/plain; charset=utf-8", self.text.encode(errors="replace")
        content: dict[str, str] = {}
        if self.meaning is not None:
            content["code"] = _CODES[vintage][self.meaning]
        content["error"] = self.text
        # ASCII with escapes, so that a text with half a surrogate pair can be sent.
        return "application/json", json.dumps(content).encode()


def invalid(text: str) -> ApiError:
    """Build the 400 for a request that makes no sense."""
    return ApiError(400, "argument", text)


def unsupported(model: str, parameter: str, vintage: str) -> ApiError:
    """Build the 400 for a parameter that a model family refuses."""
    if vintage == "2025":
        return invalid(f"Argument not supported on this model: {parameter}")
    return invalid(f"Model {model} does not support parameter {parameter}.")


def unknown_model(name: str) -> ApiError:
    """Build the 404 for a model id that is not served."""
    return ApiError(
        404,
        "missing",
        f"The model {name} does not exist or your team {TEAM} does not have access to "
        "it. Please ensure you're using the correct model name and API key.",
    )


def scripted(status: int, text: str | None = None) -> ApiError:
    """Build the error of a status as a fault asks for it."""
    meaning, usual = BY_STATUS.get(
        status,
        ("unavailable", UNAVAILABLE_TEXT)
        if status >= 498
        else ("argument", f"The sandbox was told to answer {status}."),
    )
    return ApiError(status, meaning, usual if text is None else text)
