"""Reads what the gateway answers, and sorts what is none."""

from __future__ import annotations

import json
from typing import Any, Mapping

from .errors import (
    GatewayError,
    NotAGatewayError,
    RefusedError,
    SchemaMismatchError,
    UnauthorizedError,
    UnreachableError,
)

#: Codes of errors that pass: the same request is answered a little later.
PASSING_CODES = ("DATABASE_UNAVAILABLE", "RATE_LIMITED")
#: What a proxy says while the gateway behind it is away.
_GATEWAY_AWAY = (502, 503, 504)


def read_answer(status: int, content_type: str, body: bytes, where: str, operation: str) -> dict[str, Any]:
    """The data of an answer. Raises GatewayError; `operation` names the question for the message."""
    answer = _parse(body)
    if not isinstance(answer, dict) or not ("data" in answer or "errors" in answer):
        if status in _GATEWAY_AWAY:
            raise UnreachableError(f"The gateway behind {where} is away at the moment (HTTP {status}).")
        if status in (401, 407):
            raise UnauthorizedError(
                f"{where} asks for a password that Tablao does not use. Is it the gateway's address?"
            )
        kind = f"HTTP {status}, {content_type.split(';')[0] or 'no content type'}"
        raise NotAGatewayError(f"Something answers at {where}, but it is not a Tablao gateway ({kind}).")
    return read_result(answer, where, operation)


def read_result(answer: Mapping[str, Any], where: str, operation: str) -> dict[str, Any]:
    """The same of an answer that came as an event of a stream."""
    errors = answer.get("errors")
    if errors:
        raise _explain(errors, where, operation)
    data = answer.get("data")
    if not isinstance(data, dict):
        raise NotAGatewayError(f"{where} gave an empty answer to “{operation}”.")
    return data


def parse_event(text: str, where: str) -> dict[str, Any]:
    answer = _parse(text.encode())
    if not isinstance(answer, dict):
        raise NotAGatewayError(f"{where} sends events that are none of a Tablao gateway.")
    return answer


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _explain(errors: Any, where: str, operation: str) -> GatewayError:
    first = errors[0] if isinstance(errors, list) and errors else {}
    first = first if isinstance(first, dict) else {}
    message = str(first.get("message", "It does not say why."))
    extensions = first.get("extensions")
    code = str(extensions.get("code", "")) if isinstance(extensions, dict) else ""
    if code == "UNAUTHENTICATED":
        return UnauthorizedError(
            f"{where} does not know this token. Ask whoever runs the farm for a new one. ({message})"
        )
    if code == "GRAPHQL_VALIDATION_FAILED":
        return SchemaMismatchError(f"This gateway does not know what the add-on asks (“{operation}”): {message}")
    return RefusedError(message, code, code in PASSING_CODES)
