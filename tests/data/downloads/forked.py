"""Runs a script's `main` again and again in forked processes, so that each start costs milliseconds: `forked.py SCRIPT`.

Each line of standard input is a JSON list of arguments; the answers are the child's process id, and later its exit status
(negative for a signal).
"""

import importlib
import json
import os
import sys


def main() -> None:
    script = importlib.import_module(f"workflow_scripts.{sys.argv[1]}")
    import objectcrop.data.downloads.images
    import objectcrop.tables  # noqa: F401  what the script imports when it runs

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                script.main(json.loads(line))
            except BaseException as error:
                print(repr(error), file=sys.stderr)
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
