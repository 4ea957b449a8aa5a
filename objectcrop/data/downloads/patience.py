"""How often a file is tried, and how long to wait between."""

from objectcrop.data.downloads.transfer import TransferError
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.downloads import Transfer


def wait_before(transfer: Transfer, key: str, attempt: int, error: TransferError) -> float | None:
    """Return the seconds to wait after try `attempt` (from 1) of the file `key` failed; None if there is no further try.

    The wait doubles with each try, and is drawn within a half of that either way, so that many files that failed at once do
    not come back at once. A server that asks for more (Retry-After) gets it, up to the longest wait.
    """
    if error.is_final or attempt >= transfer.attempts:
        return None
    backed_off = transfer.first_wait_s * 2.0 ** min(attempt - 1, 60)
    drawn = backed_off * generator(0, "back off", key, attempt).uniform(0.5, 1.5)
    return min(max(drawn, error.wait_s or 0.0), transfer.longest_wait_s)
