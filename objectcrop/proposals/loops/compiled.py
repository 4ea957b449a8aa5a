"""The decorator of the loops that are compiled (decision 0008)."""

import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def compiled(loop: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """A loop over arrays as machine code, compiled at its first call and kept on disk; `.py_func` is the loop as written.

    The kept code is renewed when the loop's own file changes, and only then: a loop may use loops, constants and tuples of its
    own file alone. It is to be called with arrays of one type and layout. Arithmetic is not reordered, the GIL is let go,
    loops that it calls become part of it.

    Args:
        loop: in the part of Python that numba reads.
    """
    try:
        return cast("Callable[_Arguments, _Result]", njit(loop, cache=True, nogil=True, forceinline=True))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        # the same message for every loop: Python prints it once
        warnings.warn(
            "LOD's loops are compiled again in every process: neither the source tree nor the user's cache folder can be "
            "written; set NUMBA_CACHE_DIR to a folder that can",
            stacklevel=1,
        )
        return cast("Callable[_Arguments, _Result]", njit(loop, nogil=True, forceinline=True))
