"""One question to each of many files: in threads, as the answers of a network's file system take their time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_NUM_THREADS = 16
_CHUNK = 512
"""Items that a thread takes at a time: a task of its own for each would cost more than the answer."""


def ask_each(question: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer]:
    """Return what a function that waits for the file system says of each item, in the order of the items."""
    chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
    if len(chunks) < 2:
        return [question(item) for item in items]
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        return list(chain.from_iterable(pool.map(lambda chunk: [question(item) for item in chunk], chunks)))
