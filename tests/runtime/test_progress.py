"""Progress lines."""

import io
import os
import sys

import pytest

from objectcrop.runtime import progress
from objectcrop.runtime.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved: `clock[0] += seconds`."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def test_a_line_comes_every_few_seconds_with_rate_and_time_left(clock):
    stream = io.StringIO()
    with Progress("draw", total=100, unit="scenes", stream=stream) as bar:
        for _ in range(20):
            clock[0] += 1
            bar.advance(2, loss=0.5)
    assert lines(stream)[0] == "draw: 10/100 scenes (10%)  2 scenes/s  0:00:45 left  loss 0.5"
    assert len(lines(stream)) == 5  # at 5, 10, 15, 20 s, and the end
    assert lines(stream)[-1] == "draw: 40/100 scenes (40%)  done in 0:00:20"


def test_units_of_an_earlier_attempt_count_for_the_share_and_not_for_the_rate(clock):
    stream = io.StringIO()
    with Progress("draw", total=100, unit="scenes", done=50, stream=stream) as bar:
        clock[0] += 10
        bar.advance(10)
    assert lines(stream)[0] == "draw: 60/100 scenes (60%)  1 scenes/s  0:00:40 left"


def test_nothing_to_do_is_done(clock):
    stream = io.StringIO()
    with Progress("draw", total=0, unit="scenes", stream=stream):
        pass
    assert lines(stream) == ["draw: 0/0 scenes (100%)  done in 0:00:00"]


def advance_and_fail(stream):
    with Progress("draw", total=2, unit="scenes", stream=stream):
        raise ValueError("disk full")


def test_a_failure_speaks_for_itself(clock):
    stream = io.StringIO()
    with pytest.raises(ValueError, match="disk full"):
        advance_and_fail(stream)
    assert lines(stream) == []


def test_lines_go_to_standard_error_by_default(capsys):
    with Progress("draw", total=1, unit="scenes") as bar:
        bar.advance()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "draw: 1/1 scenes (100%)" in captured.err


def test_what_an_earlier_attempt_did_may_be_found_later_and_does_not_count_for_the_rate(clock):
    stream = io.StringIO()
    with Progress("rank", total=10, unit="steps", stream=stream) as bar:
        bar.skip(6)
        clock[0] += 5
        bar.advance()
    assert lines(stream)[0] == "rank: 7/10 steps (70%)  0.2 steps/s  0:00:15 left"


class Terminal(io.StringIO):
    """A stream that takes bars."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_bar_that_moves():
    stream = Terminal()
    with Progress("draw", total=100, unit="scenes", done=40, stream=stream) as bar:
        bar.skip(10)
        bar.advance(25, loss=0.5)
        bar.skip(5)
        bar.advance(20)
    drawn = stream.getvalue().split("\r")
    assert "draw: 100%" in drawn[-1]
    assert "100/100" in drawn[-1]
    assert "scenes/s" in drawn[-1]
    assert "done in" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_bar_s_rate_leaves_out_what_an_earlier_attempt_did(clock):
    stream = Terminal()
    with Progress("draw", total=1000, unit="scenes", done=900, stream=stream) as bar:
        clock[0] += 10
        bar.advance(50)
    assert "5.00 scenes/s" in stream.getvalue().split("\r")[-1]


def test_a_bar_ends_its_line_before_a_failure_speaks():
    def advance_once(stream):
        with Progress("draw", total=2, unit="scenes", stream=stream) as bar:
            bar.advance()
            raise ValueError("disk full")

    stream = Terminal()
    with pytest.raises(ValueError, match="disk full"):
        advance_once(stream)
    assert stream.getvalue().endswith("\n")
    assert "1/2" in stream.getvalue()


def test_a_process_that_counts_nothing_draws_no_bar():
    stream = Terminal()
    with Progress("draw", total=2, unit="scenes", stream=stream):
        pass
    assert "\r" not in stream.getvalue()


def test_a_terminal_without_tqdm_gets_lines(clock, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    stream = Terminal()
    with Progress("draw", total=10, unit="scenes", stream=stream) as bar:
        clock[0] += 5
        bar.advance(5)
    assert lines(stream)[0] == "draw: 5/10 scenes (50%)  1 scenes/s  0:00:05 left"


def test_a_terminal_of_unknown_width_gets_lines():
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as stream, os.fdopen(ours) as screen:
        with Progress("draw", total=1, unit="scenes", stream=stream) as bar:
            bar.advance()
        assert screen.readline() == "draw: 1/1 scenes (100%)  done in 0:00:00\n"
