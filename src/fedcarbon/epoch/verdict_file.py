"""Verdict files: the claims that one partner lost in one epoch, without the winners' names.

Format: the magic line `fedcarbon/v1/verdicts` with its line feed (22 bytes), then the lost claim
tokens, 16 bytes each, strictly ascending. A partner that lost nothing has the magic line alone. The
verdict list names the file by its SHA-256.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import islice
from typing import ClassVar, Final

from fedcarbon.errors import MalformedError
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES, ClaimToken

FILE_MAGIC: Final = b"fedcarbon/v1/verdicts\n"


class MalformedVerdictFileError(MalformedError):
    """Bytes that are no verdict file."""

    code: ClassVar[str] = "MALFORMED_VERDICT_FILE"


def verdict_file_bytes(lost: Sequence[ClaimToken]) -> bytes:
    """Return the file of `lost` tokens.

    Raises:
        MalformedVerdictFileError: they do not ascend, or have another size.
    """
    data = FILE_MAGIC + b"".join(lost)
    if lost_tokens(data) != list(lost):
        raise MalformedVerdictFileError(f"a lost claim is a token of {CLAIM_TOKEN_BYTES} bytes")
    return data


def lost_tokens(data: bytes) -> list[ClaimToken]:
    """Return the tokens in a verdict file, ascending.

    Raises:
        MalformedVerdictFileError: it is none, or its tokens do not ascend.
    """
    body = data[len(FILE_MAGIC) :]
    if not data.startswith(FILE_MAGIC) or len(body) % CLAIM_TOKEN_BYTES:
        raise MalformedVerdictFileError("a verdict file has a magic line and tokens of 16 bytes")
    tokens = [
        ClaimToken(body[i : i + CLAIM_TOKEN_BYTES]) for i in range(0, len(body), CLAIM_TOKEN_BYTES)
    ]
    if not all(map(operator.lt, tokens, islice(tokens, 1, None))):
        raise MalformedVerdictFileError("lost claims must ascend by token")
    return tokens
