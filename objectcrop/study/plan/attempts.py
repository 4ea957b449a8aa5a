"""What a job asks for when it is tried again: profiles set `retries`, and each attempt gets more."""


def growing(first: int, attempt: int) -> int:
    """Return memory, or minutes, of an attempt from 1 on: as many times what the first one asks for."""
    return first * attempt
