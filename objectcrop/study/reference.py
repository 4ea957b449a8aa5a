"""The JSON schema that editors use and the config reference of the docs, generated from the settings themselves."""

import json
import textwrap
from typing import Any

from objectcrop.study.study import Study

INHERIT = {
    "type": "string",
    "description": "Name of a run whose settings are taken over; this run's own override them, key by key.",
}


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (2020-12) of a config file.

    It differs from the settings in one way: a run in a file may inherit, so none of its fields is required.
    """
    schema = Study.model_json_schema()
    run = schema["$defs"]["Run"]
    run["properties"]["inherit"] = INHERIT
    run.pop("required", None)
    schema.pop("required", None)  # an overlay of config.yaml needs no name
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def config_reference() -> str:
    """Return the Markdown reference of every setting: name, type, default, meaning."""
    schema = json_schema()
    parts = [
        "# Config reference",
        "",
        "Generated from the settings (`python -m workflow_scripts.write_reference`); a test holds it up to date.",
        "A config file with a `name` is a study of its own; one without is an overlay of `config.yaml`.",
        "",
        *_section("Study", schema),
    ]
    for name, section in sorted(schema["$defs"].items()):
        if section.get("type") == "object":
            parts += _section(name, section)
    return "\n".join(parts)


def _section(name: str, section: dict[str, Any]) -> list[str]:
    lines = [f"## {name}", "", *_wrapped(section.get("description", "")), ""]
    for key, field in section["properties"].items():
        default = f", default `{_shown(field['default'])}`" if "default" in field else ""
        meaning = field.get("description", "")
        lines += _wrapped(f"- `{key}` ({_type(field)}{default})" + (f": {meaning}" if meaning else ""), indent="  ")
    return [*lines, ""]


def _wrapped(text: str, indent: str = "") -> list[str]:
    words = " ".join(text.split())
    return textwrap.wrap(words, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else "see the section"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{choice}`" for choice in field["enum"])
    for key in ("anyOf", "oneOf"):
        if key in field:
            return " or ".join(_type(choice) for choice in field[key])
    kind = str(field.get("type", "anything"))
    if kind == "array":
        items = field.get("items") or (field.get("prefixItems") or [{}])[0]
        return f"list of {_type(items)}"
    if kind == "object":
        values: Any = field.get("additionalProperties") or next(iter(field.get("patternProperties", {}).values()), {})
        return f"name: {_type(values)}" if isinstance(values, dict) and values else "mapping"
    limits = [f"{sign} {field[key]}" for key, sign in _LIMITS.items() if key in field]
    return kind + (f" ({', '.join(limits)})" if limits else "")


_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
_WIDTH = 120
