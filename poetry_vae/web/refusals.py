"""Why a request is refused: a kind, the field it belongs to, and a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

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
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers
        self.errors = [{"kind": kind, "field": field, "message": message}]

    def answer(self) -> JSONResponse:
        """As it is sent."""
        return JSONResponse({"errors": self.errors}, self.status, self.headers)


@contextmanager
def of_field(field: str) -> Iterator[None]:
    """Name this field in errors of the library that are raised inside."""
    try:
        yield
    except RefusedError:
        raise
    except PoetryVAEError as error:
        raise refused(error, field) from error


def refused(error: Exception, field: str = "") -> RefusedError:
    """The refusal that answers an error of the library, of a path, of a body, or one of the
    server's own. Of a body there is a sentence a field; what was sent is not sent back."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, PoetryVAEError):
        return RefusedError(str(error), kind=type(error).__name__, field=field)
    if isinstance(error, HTTPException):
        return RefusedError(
            error.detail, kind="NoSuchThing", status=error.status_code, headers=error.headers
        )
    if isinstance(error, ValidationError):
        found = RefusedError("the body is not valid", kind="BodyError")
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        found.errors = [
            {
                "kind": "BodyError",
                "field": ".".join(str(part) for part in each["loc"] if part != "__root__"),
                "message": each["msg"],
            }
            for each in wrong[:20]
        ]
        return found
    return RefusedError("the server failed; its log says why", kind="ServerError", status=500)
