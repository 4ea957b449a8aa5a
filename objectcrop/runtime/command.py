"""How a script ends: well, with one plain message, or interrupted."""

import sys
from collections.abc import Callable, Sequence

Main = Callable[[Sequence[str] | None], None]


def run(main: Main) -> None:
    """Call a script's `main`; a user's mistake becomes one message without a traceback, and exit code 1.

    `ValueError` and file errors are users' mistakes here (bad settings, a missing or damaged file); any other exception
    is ours and keeps its traceback. An interrupt ends with code 130.
    """
    try:
        main(None)
    except (ValueError, FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
