"""The generated files say what the settings say."""

import json
import re

import yaml

from objectcrop.study.reference import config_reference, json_schema

SPANNING = re.DOTALL | re.MULTILINE


def test_the_schema_on_disk_is_the_generated_one(root):
    written = json.loads((root / "rules/schemas/config.schema.json").read_text())
    assert written == json_schema(), "run `python -m workflow_scripts.write_reference`"


def test_the_reference_on_disk_is_the_generated_one(root):
    written = (root / "docs/config.md").read_text()
    assert written == config_reference() + "\n", "run `python -m workflow_scripts.write_reference`"


SECTIONS = {
    *("source", "kind", "backbone", "views", "moco", "losses", "optimizer", "byol", "densecl", "swav", "cmc", "insdis"),
    *("resources", "training", "schedule", "paths", "tracking", "columns", "rows"),
}
"""Settings whose meaning is that of their type."""


def test_every_setting_of_the_reference_has_a_meaning():
    items = [
        " ".join(item.split()) for item in re.findall(r"^- `.*?(?=\n-|\n\n)", config_reference() + "\n\n", SPANNING)
    ]
    assert len(items) > 300
    names = {re.match(r"- `(\w+)` \(", item).group(1) for item in items if not re.search(r"\): \S", item)}
    assert names <= SECTIONS


def test_no_line_of_the_reference_is_long():
    assert [line for line in config_reference().splitlines() if len(line) > 140] == []


def test_every_key_of_the_shipped_configs_is_in_the_schema(root):
    keys = set(json_schema()["properties"])
    for path in [root / "config.yaml", *sorted((root / "presets").glob("*.yaml"))]:
        assert set(yaml.safe_load(path.read_text())) <= keys, path.name


def test_every_section_of_the_schema_is_closed():
    """A misspelt key is rejected at each level; sections whose keys are names or splits take nothing but these."""
    found = list(_objects(json_schema()))
    assert len(found) > 60
    for where, section in found:
        if "properties" in section:
            assert section.get("additionalProperties") is False, where
        else:
            assert section.get("additionalProperties") or section.get("patternProperties"), where


def _objects(schema, where=""):
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield where, schema
        for key, value in schema.items():
            yield from _objects(value, f"{where}/{key}")
