"""Why a request is refused: a kind, the field it belongs to, and a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from poetry_vae.text.errors import PoetryVAEError


class RefusedError(PoetryVAEError):
    """A request that cannot be answered, with the field at fault."""

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        field: str = "",
        status: int = 422,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind, self.field, self.status = kind, field, status
        self.retry_after_s = retry_after_s


@contextmanager
def of_field(field: str) -> Iterator[None]:
    """Name this field in errors of the library that are raised inside."""
    try:
        yield
    except RefusedError:
        raise
    except PoetryVAEError as error:
        raise refused(error, field) from error


def refused(error: PoetryVAEError, field: str = "") -> RefusedError:
    """The refusal that answers an error of the library."""
    if isinstance(error, RefusedError):
        return error
    return RefusedError(str(error), kind=type(error).__name__, field=field)


def told(error: RefusedError) -> dict[str, object]:
    """As JSON."""
    one = {"kind": error.kind, "field": error.field, "message": str(error)}
    return {"errors": [one]}


def told_invalid(error: ValidationError) -> dict[str, object]:
    """What is wrong with a body, a sentence a field; what was sent is not sent back."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return {
        "errors": [
            {
                "kind": "BodyError",
                "field": ".".join(str(part) for part in each["loc"] if part != "__root__"),
                "message": each["msg"],
            }
            for each in found[:20]
        ]
    }
