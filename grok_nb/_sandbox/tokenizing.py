"""POST /v1/tokenize-text."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from . import errors, schemas, tokens

if TYPE_CHECKING:
    from .answers import TokenList
    from .catalog import Catalog

_VOCABULARY = 131_072


def tokenize(raw: bytes, catalog: Catalog) -> TokenList:
    """
    Give the tokens of a text, which are those that its prompt is billed for.

    Raises
    ------
    ApiError
        404 for a model that is not served, 422 for a body of the wrong form.
    """
    request = schemas.read(schemas.TokenizeRequest, raw)
    resolved = catalog.resolve(request.model)
    if resolved is None or resolved.model.kind != "language":
        raise errors.unknown_model(request.model)
    return {
        "token_ids": [
            {
                "token_id": zlib.crc32(raw_token) % _VOCABULARY,
                "string_token": token,
                "token_bytes": list(raw_token),
            }
            for token in tokens.split(request.text)
            for raw_token in [token.encode()]
        ]
    }
