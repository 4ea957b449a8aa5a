"""What it means that memory is short, or that a worker process is gone, in one sentence: what happened, what to do."""

import re

REMEDY = (
    "give the job more memory (resources.memory_mb on a cluster), or let it take less: fewer cores, smaller batches, "
    "fewer jobs at once. Run the same command again: what is saved is not made again"
)
_LOADER = re.compile(r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\)")
_NO_MEMORY = re.compile(r"can't allocate memory|out of memory", re.IGNORECASE)


def explain_shortage(error: Exception) -> str | None:
    """Return one sentence about an error of memory or of a lost worker process, None about another error."""
    kind, text = type(error).__name__, str(error)
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError":
        return f"memory is short ({text[:200] or kind}): {REMEDY}"
    if kind == "BrokenProcessPool":
        return f"a process that shared the work ended without a word, as the system kills what takes too much memory: {REMEDY}"
    if isinstance(error, RuntimeError) and (worker := _LOADER.search(text)):
        return f"{worker.group()} ended without a word, as the system kills what takes too much memory: {REMEDY}"
    if isinstance(error, RuntimeError) and _NO_MEMORY.search(text):
        return f"memory is short ({text.strip().splitlines()[0][:200]}): {REMEDY}"
    return None
