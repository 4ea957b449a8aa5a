"""How a script ends: well, with one plain message, or interrupted."""

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from objectcrop.runtime.disk import explain_disk
from objectcrop.runtime.shortages import explain_shortage
from objectcrop.runtime.signals import Stopped, hear_sigterm
from objectcrop.runtime.slurm import requeue_at_limit

Main = Callable[[Sequence[str] | None], None]


def run(main: Main) -> None:
    """Call a script's `main`; a user's mistake becomes one message without a traceback, and exit code 1.

    `ValueError` and file errors are users' mistakes here (bad settings, a missing or damaged file), and so are a full or
    read-only disk, too little memory and a worker process that was killed; any other exception is ours and keeps its
    traceback. An interrupt ends with code 130. Work that saved its state after a SIGTERM is queued again, if Slurm warned of
    a time limit.
    """
    threading.excepthook = _say_thread
    hear_sigterm()
    try:
        main(None)
    except (ValueError, FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        _end(str(error))
    except OSError as error:
        if (words := explain_disk(error)) is None:
            raise
        _end(words)
    except (MemoryError, RuntimeError) as error:
        if (words := explain_shortage(error)) is None:
            raise
        _end(words)
    except Stopped as stopped:
        if stopped.is_by_sigterm:
            requeue_at_limit()
        raise
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    finally:
        threading.excepthook = threading.__excepthook__


def _say_thread(args: threading.ExceptHookArgs) -> None:
    """Print one line about a disk that a thread writes to (TensorBoard's events), a traceback of any other error."""
    if isinstance(args.exc_value, OSError) and (words := explain_disk(args.exc_value)) is not None:
        print(f"warning: {words}", file=sys.stderr, flush=True)
    else:
        threading.__excepthook__(args)


def _end(words: str) -> None:
    with suppress(OSError):  # the log can be on the full disk
        print(f"error: {words}", file=sys.stderr, flush=True)
    sys.exit(1)
