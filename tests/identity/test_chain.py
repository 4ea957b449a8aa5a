"""The chain of records: which difference is found, and through which file."""

import os
from pathlib import Path

import pytest

from objectcrop.identity import making
from objectcrop.identity.chain import Chain, describe_differences
from objectcrop.identity.lineage import VARIABLE, newest_lineage, read_lineage, write_lineage
from objectcrop.identity.making import Work, begin
from objectcrop.identity.record import record_path

CODE = {"first": "c1", "second": "c2", "third": "c3"}
RULES = {"a/{shard}.txt": "first", "b/s{seed}/b.txt": "second", "c.txt": "third"}
SETTINGS = {"first": {"depth": 1}, "second": {"seed": 0, "deep": {"rate": 0.5}}, "third": {}}


def lineage(folder, settings=SETTINGS, code=CODE):
    return write_lineage(folder, {path: (rule, settings[rule]) for path, rule in RULES.items()}, code)


def make(rule, out, inputs, outside=(), options=None):
    work = Work(rule, SETTINGS[rule], options or {}, {"from": inputs, "outside": list(outside)}, [out], ["python"])
    made = begin(work)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(f"{rule} of " + " ".join(file.read_text() for file in [*inputs, *outside]))
    made.finish()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A chain of three jobs: raw.txt -> two shards -> b -> c."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, lineage("lineage"))
    raw, a0, a1, b, c = map(Path, ("raw.txt", "a/0.txt", "a/1.txt", "b/s3/b.txt", "c.txt"))
    raw.write_text("raw")
    for number, shard in enumerate((a0, a1)):
        make("first", shard, [], [raw], {"shard": number})
    make("second", b, [a0, a1], options={"seed": 3})
    make("third", c, [b])
    return {"raw": raw, "a0": a0, "a1": a1, "b": b, "c": c}


def problem(file, **changes):
    path = lineage("lineage", **changes)
    found = Chain(read_lineage(path)).problem(file)
    return None if found is None else found.through(file)


def test_what_the_study_would_make_now_has_no_problem(files):
    assert problem("c.txt") is None
    assert problem("a/1.txt") is None


@pytest.mark.parametrize(
    ("rule", "first", "words"),
    [
        ("first", "a/0.txt", "depth was 1, is 2"),
        ("second", "b/s3/b.txt", "deep.rate was 0.5, is 2"),
        ("third", "c.txt", "new was not set, is 2"),
    ],
)
def test_other_settings_at_any_level_reject_what_comes_after_and_nothing_else(files, rule, first, words):
    changed = {"first": {"depth": 2}, "second": {"seed": 0, "deep": {"rate": 2}}, "third": {"new": 2}}
    settings = SETTINGS | {rule: changed[rule]}
    said = problem("c.txt", settings=settings)
    assert words in said
    assert said.startswith("c.txt was made from " + first if first != "c.txt" else "c.txt was made with")
    order = ["a/0.txt", "b/s3/b.txt", "c.txt"]
    rejected = [file for file in order if problem(file, settings=settings) is not None]
    assert rejected == order[order.index(first) :]


def test_other_code_rejects_what_comes_after(files):
    assert problem("a/0.txt", code=CODE | {"second": "other"}) is None
    assert "b/s3/b.txt, which was made by other code of second" in problem("c.txt", code=CODE | {"second": "other"})


def test_another_input_from_outside_rejects_all_that_was_made_from_it(files):
    files["raw"].write_text("RAW")
    for name in ("a/0.txt", "b/s3/b.txt", "c.txt"):
        assert "made from another raw.txt than there is now" in problem(name)


def test_a_touched_input_is_the_same(files):
    for file in files.values():
        os.utime(file, ns=(5, 5))
    assert problem("c.txt") is None


def test_an_edited_file_in_the_middle_is_named(files):
    files["a1"].write_text("edited")
    assert problem("a/0.txt") is None
    assert problem("c.txt").startswith("c.txt was made from a/1.txt, which has other bytes than first wrote")


def test_a_file_made_again_from_other_data_rejects_what_was_made_from_the_first(files):
    files["raw"].write_text("RAW")
    for number, name in enumerate(("a0", "a1")):
        files[name].unlink()
        make("first", files[name], [], [files["raw"]], {"shard": number})
    assert problem("a/0.txt") is None
    assert "b/s3/b.txt, which was made from another a/0.txt than there is now" in problem("c.txt")


def test_a_file_of_the_study_without_a_record_is_refused_and_a_lost_one_is_judged_by_its_record(files):
    files["a1"].unlink()
    assert problem("c.txt") is None
    files["a1"].write_text("by hand")
    record_path(files["a1"]).unlink()
    assert "a/1.txt, which has no record of how it was made" in problem("c.txt")


def test_flipped_bytes_stop_the_next_job_even_where_size_and_time_are_the_same(files):
    stat = files["b"].stat()
    data = bytearray(files["b"].read_bytes())
    data[3] ^= 1
    files["b"].write_bytes(data)
    os.utime(files["b"], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(ValueError, match=r"b/s3/b.txt: its bytes are not those that second wrote .* remove it"):
        make("third", files["c"], [files["b"]])


def test_a_job_refuses_stale_inputs_unless_it_is_tolerant(files, monkeypatch):
    monkeypatch.setenv(VARIABLE, lineage("lineage", settings=SETTINGS | {"first": {"depth": 2}}))
    work = Work("third", {}, {}, {"from": [files["b"]]}, [files["c"]], ["python"])
    with pytest.raises(ValueError, match=r"b/s3/b.txt was made from a/0.txt, which was made with other settings"):
        begin(work)
    assert list(begin(work, tolerant=True).problems) == ["b/s3/b.txt"]


def test_the_word_of_a_record_is_taken_for_large_files_only_as_long_as_their_stamp_stays(files):
    work = Work("third", {}, {}, {"from": [files["b"]]}, [files["c"]], ["python"], large=frozenset({"from"}))
    stat = files["b"].stat()
    files["b"].write_bytes(bytes(len(files["b"].read_bytes())))
    with pytest.raises(ValueError, match="its bytes are not those"):
        begin(work)
    os.utime(files["b"], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert begin(work).identity


def test_an_identity_follows_settings_options_and_bytes_and_no_names_of_files(files, tmp_path):
    def identity(settings, options, file):
        return begin(Work("third", settings, options, {"from": [file]}, [], ["python"])).identity

    copy = tmp_path / "copy.txt"
    copy.write_bytes(files["b"].read_bytes())
    base = identity({}, {"seed": 0}, files["b"])
    assert identity({}, {"seed": 0}, copy) == base
    assert len({base, identity({"x": 1}, {"seed": 0}, copy), identity({}, {"seed": 1}, copy)}) == 3
    copy.write_text("other")
    assert identity({}, {"seed": 0}, copy) != base


def test_only_the_first_of_several_processes_records(files, monkeypatch):
    record_path(files["c"]).unlink()
    monkeypatch.setenv("RANK", "1")
    make("third", files["c"], [files["b"]])
    assert not record_path(files["c"]).exists()


def test_without_a_lineage_the_digest_of_the_code_is_computed(files, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(making, "code_digest", lambda module, root: module)
    make("third", files["c"], [files["b"]])
    assert "workflow_scripts.third" in record_path(files["c"]).read_text()


def test_the_newest_lineage_is_that_of_the_study_planned_last(tmp_path):
    first = lineage(tmp_path)
    os.utime(first, (1, 1))
    second = lineage(tmp_path, code=CODE | {"first": "x"})
    assert newest_lineage(tmp_path).find("a/7.txt").code == "x"
    time = os.stat(second).st_mtime_ns
    assert lineage(tmp_path, code=CODE | {"first": "x"}) == second
    assert os.stat(second).st_mtime_ns == time  # planning the same study again touches nothing
    assert lineage(tmp_path) == first
    assert newest_lineage(tmp_path).find("a/7.txt").code == "c1"


def test_a_damaged_lineage_is_named(tmp_path):
    path = Path(lineage(tmp_path))
    path.write_text("[" + path.read_text()[1:])
    with pytest.raises(ValueError, match="not the lineage of a study"):
        read_lineage(path)


def test_differences_are_named_by_their_dotted_names():
    was, now = {"a": {"b": 1, "c": {}}, "d": 2}, {"a": {"b": 3, "c": {}}, "e": [1]}
    assert describe_differences(was, now) == "a.b was 1, is 3; d was 2, is not set; e was not set, is [1]"
