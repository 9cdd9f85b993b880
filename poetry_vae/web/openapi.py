"""The interface as an OpenAPI document and as a page of plain HTML."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from poetry_vae import __version__

_REF = "#/components/schemas/"
_PAGE = Environment(autoescape=True, trim_blocks=True).from_string("""\
<!doctype html><html lang=en><meta charset=utf-8><title>poetry-vae: interface</title>
<meta name=viewport content='width=device-width'>
<link rel=icon href=/static/icon.svg><link rel=stylesheet href=/static/style.css>
<body class=reference><main>
<h1>The interface</h1><p>Send and get JSON; the same as OpenAPI is
<a href=/openapi.json>openapi.json</a>. <a href=/>The page</a>.</p>
{% for path in paths %}
<h2><code>{{ path.method | upper }} {{ path.path }}</code></h2><p>{{ path.told }}</p>
{% if path.body %}
{% set schema = path.body.model_json_schema() %}
<table><tbody>
{% for name, of in schema.properties.items() %}
<tr><th scope=row><code>{{ name }}</code><td>{{ type(of) }}
<td>{{ "needed" if name in schema.required }}<td>{{ of.description }}
{% endfor %}
</table>
{% endif %}
{% endfor %}
</main></html>
""")


@dataclass(frozen=True)
class Path:
    """A path, what it does, what answers it, and the body that it takes."""

    method: str
    path: str
    told: str
    answer: Callable[[Request], Awaitable[Response]]
    body: type[BaseModel] | None = None


def document(paths: Sequence[Path]) -> dict[str, Any]:
    """The interface as OpenAPI 3.1."""
    models = [path.body for path in paths if path.body is not None]
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF + "{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "poetry-vae", "version": __version__},
        "paths": {path.path: {path.method: _operation(path)} for path in paths},
        "components": {"schemas": schemas["$defs"]},
    }


def _operation(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    body = path.body
    if body is not None and "stream" in body.model_fields:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    found: dict[str, Any] = {
        "summary": path.told,
        "responses": {"200": {"description": "What was asked for.", "content": content}},
    }
    if body is not None:
        schema = {"$ref": _REF + body.__name__}
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
        found["responses"] |= {
            "422": {"description": "It cannot be done: errors, each with field and message."},
            "503": {"description": "Too many wait; Retry-After says how long."},
            "504": {"description": "It takes longer than a request may."},
        }
    return found


def page(paths: Sequence[Path]) -> str:
    """The interface for people, who need no script to read it."""
    return _PAGE.render(paths=paths, type=_type)


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "minimum" in schema and "maximum" in schema:
        return f"{schema['type']}, {schema['minimum']} to {schema['maximum']}"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", ""))
