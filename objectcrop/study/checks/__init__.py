"""What pydantic cannot check: names that one section uses and another defines, and settings that must fit together."""
