"""Audit the code with bandit, or the locks with pip-audit, and list what `audit_exceptions.toml` does not explain.

An exception has a reason and a day until which it holds. One that is over, or that nothing needs any more, is a problem too.
"""

import argparse
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
EXCEPTIONS = Path(__file__).with_name("audit_exceptions.toml")
CODE = ("objectcrop", "workflow_scripts", "envs", ".ci")
LOCKS = ("requirements.lock", "detectron2.lock", "mongod.lock", "envs/uv.lock", "envs/opencv.lock")
TIMEOUT_S = 600


class Finding(NamedTuple):
    """What a tool found: its number, the file or the package that it is in, and the tool's words."""

    id: str
    where: str
    words: str


class ExceptionMade(NamedTuple):
    """A finding that is left as it is, and why; `where` is a file, a package, or * for all."""

    tool: str
    id: str
    where: str
    reason: str
    until: date

    def covers(self, finding: Finding) -> bool:
        """Return whether it is about this finding."""
        return self.id == finding.id and self.where in ("*", finding.where)


class NoAnswerError(Exception):
    """The service that knows the vulnerabilities gave no answer."""


def read_exceptions(path: Path, tool: str) -> list[ExceptionMade]:
    """Return the exceptions of a tool."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["exceptions"]
    made = [ExceptionMade(**entry) for entry in entries]
    return [one for one in made if one.tool == tool]


def problems(findings: Sequence[Finding], exceptions: Sequence[ExceptionMade], today: date) -> list[str]:
    """Return what is not explained, and which exceptions are over or not needed, a sentence each."""
    open_ones = [found for found in findings if not any(one.covers(found) for one in exceptions)]
    over = [one for one in exceptions if one.until < today]
    idle = [one for one in exceptions if not any(one.covers(found) for found in findings)]
    return [
        *(f"{found.where}: {found.id} {found.words}" for found in open_ones),
        *(f"{EXCEPTIONS.name}: the exception {one.id} of {one.where} is over since {one.until}" for one in over),
        *(f"{EXCEPTIONS.name}: the exception {one.id} of {one.where} is not needed: remove it" for one in idle),
    ]


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of this Python's environment at the root of the checkout.

    Raises:
        SystemExit: if it is not installed there.
    """
    if not (BIN / program).is_file():
        sys.exit(f"{program} is not in {BIN}: make setup")
    return subprocess.run(
        [str(BIN / program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )


def of_code() -> list[Finding]:
    """Return what bandit finds in the code that runs; in files where it finds nothing to read it raises."""
    done = run("bandit", "--quiet", "--recursive", "--format", "json", *CODE)
    report = json.loads(done.stdout)
    if report["errors"] or not report["results"]:
        raise ValueError(f"bandit: {report['errors'] or 'nothing was read'}\n{done.stderr}")
    return [
        Finding(found["test_id"], found["filename"], f"{found['issue_text']} (line {found['line_number']})")
        for found in report["results"]
    ]


def of_locks(locks: Sequence[str]) -> list[Finding]:
    """Return the known vulnerabilities of every package of some locks.

    Raises:
        NoAnswerError: if the service cannot be reached, or does not know the packages, as a mirror without that part of the index.
    """
    asked = [word for lock in locks for word in ("--requirement", lock)]
    done = run("pip-audit", "--disable-pip", "--progress-spinner", "off", "--format", "json", *asked)
    if not done.stdout:
        raise NoAnswerError((done.stderr.strip().splitlines() or ["nothing was printed"])[-1])
    dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    if skipped := [one for one in dependencies if "skip_reason" in one]:
        raise NoAnswerError(f"{len(skipped)} of {len(dependencies)} packages: {skipped[0]['skip_reason']}")
    return [
        Finding(known["id"], one["name"], f"{one['version']}, mended in {', '.join(known['fix_versions']) or 'none'}")
        for one in dependencies
        for known in one["vulns"]
    ]


def audit_locks() -> list[Finding]:
    """Return what is known of the packages of all locks; the smallest lock first, so that no answer is noticed at once."""
    if "PRE_COMMIT" in os.environ:
        raise NoAnswerError("nothing is fetched before a commit")
    of_locks(["detectron2.lock"])
    return of_locks(LOCKS)


def main() -> int:
    """Run the audit that the command line names; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("bandit", "dependencies"))
    what = parser.parse_args().what
    try:
        findings = of_code() if what == "bandit" else audit_locks()
    except NoAnswerError as error:
        print(f"SKIPPED: the packages were not audited: {error}")
        return 0
    found = problems(findings, read_exceptions(EXCEPTIONS, what), datetime.now(UTC).date())
    print("\n".join([*found, f"{len(findings)} findings, {len(found)} problems"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
