"""What a job is: the settings that its results depend on, and no others."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from objectcrop.study.settings.section import Section, parse_settings, recorded, sorted_json


class Job(Section):
    """The settings that the results of one job depend on; how it runs (cores, GPUs, addresses) stands apart.

    Sections that it is made from are cut to what is recorded of them, and its JSON holds just what it was made from.
    """

    @model_validator(mode="before")
    @classmethod
    def _holds_what_is_recorded(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {name: recorded(part) if isinstance(part, Section) else part for name, part in data.items()}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the job of a script's `--settings`: a JSON object, or `@file` that holds one.

        Raises:
            ValueError: if it is none, or naming every setting that is wrong.
        """
        return cls.model_validate(parse_settings(text))

    def values(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)

    def as_json(self) -> str:
        """Return the settings in one line of JSON with sorted keys: equal jobs give equal text."""
        return sorted_json(self.values())
