"""Text columns as integer codes: counted, sorted and taken apart without a Python string for each row."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Codes = NDArray[np.integer[Any]]


def categorical(column: pa.ChunkedArray) -> "pd.Categorical[Any]":
    """Return a dictionary column of Arrow as a categorical with sorted values, which thus sorts as its text does."""
    array = column.combine_chunks()
    indices = array.indices.fill_null(-1) if array.null_count else array.indices
    codes, values = _with_sorted_values(indices.to_numpy(), pd.Index(array.dictionary.to_pandas()))
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(values), validate=False)


def text_codes(column: pd.Series) -> tuple[Codes, pd.Index]:
    """Return the integer codes of a text column, plain or categorical, into its sorted values.

    Values that no row has may be among those of a categorical.
    """
    text = column if is_text_category(column) else column.astype("str").astype("category")
    return _with_sorted_values(text.array.codes, text.array.categories)


def take_rows(frame: pd.DataFrame, kept: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the kept rows of a table, renumbered; a categorical keeps only the values that they have."""

    def take(column: pd.Series) -> Any:
        if is_text_category(column):
            return _without_unused(column.array.codes[kept], column.array.categories)
        return column.array[kept]

    with ThreadPoolExecutor() as pool:  # NumPy lets go of the interpreter while it copies
        columns = dict(zip(frame, pool.map(take, (column for _, column in frame.items())), strict=True))
    return pd.DataFrame(columns, copy=False)


def distinct_pairs(first: Codes, second: Codes, num_second: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct pairs of two columns of codes, sorted; codes of the second are below `num_second`."""
    bits = np.int64(num_second.bit_length())  # by shifts: a division of 14.6 million keys takes as long as to sort them
    keys = first.astype(np.int64)
    keys <<= bits
    keys |= second
    # Files list the boxes of an image in a row: most repeats stand side by side, and need not be sorted.
    keys = keys[_differ_from_the_last(keys)]
    keys.sort()
    keys = keys[_differ_from_the_last(keys)]  # np.unique hashes, which takes four times as long here
    return keys >> bits, keys & ((np.int64(1) << bits) - 1)


def _differ_from_the_last(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    differ = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=differ[1:])
    return differ


def is_text_category(column: pd.Series) -> bool:
    """Return whether a column is a categorical of text."""
    return isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.categories.dtype == "str"


def _with_sorted_values(codes: Codes, values: pd.Index) -> tuple[Codes, pd.Index]:
    if _increases(values):
        return codes, values
    order = values.argsort()
    rank = np.full(len(order) + 1, -1, dtype=codes.dtype)  # the last is for code -1, a missing value
    rank[order] = np.arange(len(order), dtype=codes.dtype)
    return rank[codes], values[order]


def _without_unused(codes: Codes, values: pd.Index) -> "pd.Categorical[Any]":
    used = np.zeros(len(values), dtype=bool)
    used[codes] = True
    if not used.all():
        rank = (np.cumsum(used) - 1).astype(codes.dtype)
        codes, values = rank[codes], values[used]
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(values), validate=False)


def _increases(values: pd.Index) -> bool:
    """Return whether each text is at or after the one before; pandas would make a Python string of each."""
    text = pa.array(values)
    return len(text) < 2 or bool(pc.all(pc.less_equal(text[:-1], text[1:])).as_py())


def starts(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return the first item of each group, and the number of all items: shape (groups + 1,)."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
