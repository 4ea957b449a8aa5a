"""Released files are read as numpy reads them; a hostile one is rejected in one sentence, and nothing of it is run."""

import builtins
import pickle
import re
import resource
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objectcrop.data.released.pickle import load_released
from tests.data.released.pickles import HEADER, as_numpy_1, by_hand, saved

LISTS = {"0001cb734adac2ee": ["/m/0284d", "/m/040b_t", "/m/0cxn2"], "000002b66c9c498e": ["/m/01g317"]}
ROW = ["0001cb734adac2ee", "xclick", "/m/0284d", "1", "0.1", "0.5", "0.2", "0.75", "0", "1", "0", "0", "0"]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "images.npy"


@pytest.mark.parametrize(
    "value",
    [LISTS, {"0001cb734adac2ee": {"data": [ROW, [*ROW[:4], "0", "1", "0", "1", *ROW[8:]]]}}, {}, {"a": [1, 2.5, True]}],
)
def test_a_saved_dictionary_is_read_as_it_is(file, value):
    assert load_released(saved(file, value)) == value


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_the_pickle_of_numpy_1_is_read(file, protocol):
    by_hand(file, as_numpy_1(LISTS, protocol=protocol))
    assert np.load(file, allow_pickle=True).item() == LISTS  # numpy itself takes the bytes made by hand
    assert load_released(file) == LISTS


def test_bytes_as_protocol_2_spells_them_are_read(file):
    array = np.empty((), dtype=object)
    array[()] = LISTS
    body = pickle.dumps(array, 2)
    assert b"_codecs" in body
    assert load_released(by_hand(file, body)) == LISTS


def test_arrays_and_numbers_of_numpy_become_lists_and_numbers(file):
    value = {
        "texts": np.array(["/m/1", "/m/22"]),
        "objects": np.array(["/m/1", 2.5], dtype=object),
        "rows": np.array([["a", "b"], ["c", "d"]]),
        "object rows": np.array([["a", "b"], ["c", "d"]], dtype=object),
        "whole": np.arange(3, dtype=">i4"),
        "number": np.float32(0.5),
        "text": np.str_("/m/3"),
        "one": np.array(7),
    }
    assert load_released(saved(file, value)) == {
        "texts": ["/m/1", "/m/22"],
        "objects": ["/m/1", 2.5],
        "rows": [["a", "b"], ["c", "d"]],
        "object rows": [["a", "b"], ["c", "d"]],
        "whole": [0, 1, 2],
        "number": 0.5,
        "text": "/m/3",
        "one": 7,
    }


class Reduced:
    """Pickled as a call of its first argument with the others."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def calls():
    import os
    import subprocess

    return {
        "posix.system": (os.system, "echo hostile"),
        "builtins.eval": (eval, "1 + 1"),
        "builtins.getattr": (getattr, "text", "upper"),
        "subprocess.Popen": (subprocess.Popen, "true"),
        "numpy.fromfile": (np.fromfile, "/dev/zero"),
    }


@pytest.mark.parametrize("name", calls())
def test_a_file_that_asks_for_anything_else_is_rejected_by_the_name_it_asks_for(file, name, capfd):
    saved(file, {"a": [Reduced(*calls()[name])]})
    with pytest.raises(ValueError, match=f"{file}: rejected .*asks for {name},"):
        load_released(file)
    assert capfd.readouterr().out == ""


STATE = b"(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?t"
OBJECT = b"cnumpy\ndtype\nX\x02\x00\x00\x00O8K\x00K\x01\x87R"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
HOSTILE = {
    "eval by its old name": (b"c__builtin__\neval\nX\x03\x00\x00\x001+1\x85R.", "__builtin__.eval"),
    "a dotted name": (b"\x80\x04\x8c\x05numpy\x8c\x0eos.path.system\x93.", "numpy.os.path.system"),
    "a call of the array type": (b"cnumpy\nndarray\nK\x01\x85R.", "not callable"),
    "a new object of a stand-in": (b"\x80\x02cnumpy\nndarray\n)\x81.", "NEWOBJ"),
    "an instance": (b"(inumpy\ndtype\n.", "rejected"),
    "attributes of a function": (
        b"\x80\x02cnumpy\ndtype\nN}X\x09\x00\x00\x00_functionNs\x86b.",
        "tries to change Function",
    ),
    "attributes of the array type": (b"cnumpy\nndarray\n}X\x01\x00\x00\x00aNsb.", "tries to change ArrayType"),
    "a persistent id": (b"Pelsewhere\n.", "persistent id"),
    "a persistent id on the stack": (b"K\x01Q.", "persistent id"),
    "an extension code": (b"\x80\x02\x82\x01.", "extension code"),
    "a buffer outside": (b"\x80\x05\x97.", "rejected"),
    "a dtype with fields": (OBJECT + STATE.replace(b"|NNN", b"|N(X\x01\x00\x00\x00at}") + b"b.", "with parts"),
    "a dtype with metadata": (OBJECT + STATE.replace(b"K?t", b"K?}t") + b"b.", "with parts"),
    "a dtype of another kind": (b"cnumpy\ndtype\nX\x03\x00\x00\x00V99K\x00K\x01\x87R.", "whose type is 'V99'"),
    "an array that is not rebuilt": (ARRAY + b".", "array without values"),
    "giant dimensions": (
        ARRAY + b"(K\x01J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86" + OBJECT + STATE + b"b\x89]tb.",
        "0 values",
    ),
    "a negative dimension": (ARRAY + b"(K\x01J\xff\xff\xff\xff\x85" + OBJECT + STATE + b"b\x89]tb.", "of shape"),
    "objects from bytes": (ARRAY + b"(K\x01)" + OBJECT + STATE + b"b\x89C\x0812345678tb.", "a bytes as its values"),
    "bytes": (b"C\x03abc.", "holds a bytes"),
    "a set": (b"\x80\x04\x8f.", "holds a set"),
    "nothing": (b"N.", "holds a NoneType"),
    "a list, not a dictionary": (b"].", "holds a list, not a dictionary"),
    "keys that are no text": (b"}K\x01K\x01s.", "keys that are not text"),
    "an empty pickle": (b"", "cut off|ran out|rejected"),
    "no end": (b"}X\x01\x00\x00\x00a", "rejected"),
    "a list in itself": (b"}X\x01\x00\x00\x00a]q\x00h\x00as.", "more than 5 deep"),
    "lists a thousand deep": (b"]" * 1000 + b"a" * 999 + b".", "more than 5 deep"),
    "tuples a thousand deep": (b"\x80\x02)" + b"\x85" * 1000 + b".", "more than 5 deep"),
    "a place in the memo far away": (b"]r\xff\xff\xff\x7f.", "more memory"),
    "a place in the memo beyond all": (b"]p99999999999999\n.", "more memory"),
    "a text longer than the file": (b"\x80\x04\x8d\xff\xff\xff\xff\x00\x00\x00\x00.", "wrong length"),
    "bytes longer than memory": (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\x00\x00.", "more memory"),
    "a frame longer than the file": (b"\x80\x04\x95\xff\xff\xff\xff\xff\x00\x00\x00.", "wrong length"),
    "a number of millions of digits": (b"I" + b"9" * 10_000 + b"\n.", "int"),
    "an escape that Python warns of": (b"S'\\y'\n.", "escape"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_rejected_soon_and_in_one_sentence(file, name):
    body, words = HOSTILE[name]
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(ValueError, match=words) as caught:
        load_released(by_hand(file, body))
    message = str(caught.value)
    assert message.startswith(f"{file}: rejected as a dictionary saved by numpy (")
    assert "\n" not in message
    assert len(message) < 500
    assert time.monotonic() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024  # KiB


def test_one_list_in_many_places_is_not_walked_many_times(file):
    # 200 lists that hold the list of 200 texts 200 times each: 8 million texts in 1 kB
    texts = b"]q\x00(" + b"X\x01\x00\x00\x00a" * 200 + b"e0"
    rows = b"]q\x01(" + b"h\x00" * 200 + b"e0"
    with pytest.raises(ValueError, match="more entries than it has bytes"):
        load_released(by_hand(file, texts + rows + b"}X\x01\x00\x00\x00a](" + b"h\x01" * 200 + b"es."))


def test_text_with_a_character_that_does_not_exist_is_rejected(file):
    body = pickle.dumps(np.array({"a": np.array(["x"])}, object), 4)
    assert body.count(b"x\0\0\0") == 1
    with pytest.raises(ValueError, match="character that does not exist"):
        load_released(by_hand(file, body.replace(b"x\0\0\0", b"x\0\0\x01")))


def header(descr: str, shape: str = "()") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00v\x00" + text.ljust(117) + b"\n"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "rejected"),
        (b"PK\x03\x04", "magic"),
        (HEADER[:40], "EOF|header"),
        (HEADER.replace(b"\x01\x00v", b"\x07\x00v"), r"version is \(7, 0\)|rejected"),
        (header("'<f8'", "(3,)"), "array of float64"),
        (header("'|O'", "(4611686018427387904,)"), "not one object"),
        (header("[('a', '|O')]"), "not one object"),
        (header("__import__('os').system('echo hostile')"), "rejected"),
        (header("(" * 60), "rejected"),
    ],
)
def test_another_header_is_rejected(file, head, words, capfd):
    file.write_bytes(head + pickle.dumps({}))
    with pytest.raises(ValueError, match=words):
        load_released(file)
    assert capfd.readouterr().out == ""


CANARY = "objectcrop_canary"
VALID = [
    as_numpy_1(LISTS),
    as_numpy_1({"a": {"data": [ROW]}}),
    pickle.dumps(np.array({"a": np.array(["x"])}, object), 4),
]
MUTATIONS = st.lists(
    st.tuples(st.integers(0, 600), st.sampled_from(["set", "insert", "cut"]), st.binary(max_size=6)), max_size=4
)
CALLS = st.sampled_from([b"", f"cbuiltins\n{CANARY}\n)R0".encode(), f"c__builtin__\n{CANARY}\n)R0".encode()])


def mutated(body: bytes, changes) -> bytes:
    for place, kind, new in changes:
        at = place % (len(body) + 1)
        after = {"set": at + len(new), "insert": at, "cut": at + len(new) + 1}[kind]
        body = body[:at] + (b"" if kind == "cut" else new) + body[after:]
    return body


def read_or_rejected(file) -> None:
    touched, value, error_message = [], {}, None
    setattr(builtins, CANARY, lambda *_: touched.append(1))
    try:
        value = load_released(file)
    except ValueError as error:
        error_message = str(error)
    finally:
        delattr(builtins, CANARY)
    assert touched == []
    assert type(value) is dict
    message = rf"{file}: rejected as a dictionary saved by numpy \(.*\); take the file as released"
    assert error_message is None or re.fullmatch(message, error_message)


@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.sampled_from(VALID), changes=MUTATIONS, call=CALLS)
def test_a_mutated_pickle_is_read_or_rejected_and_never_runs(file, body, changes, call):
    read_or_rejected(by_hand(file, body[:2] + call + mutated(body[2:], changes)))


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), head=st.sampled_from([b"", HEADER, HEADER + b"\x80\x04"]))
def test_random_bytes_are_rejected_or_read_and_never_run(file, content, head):
    file.write_bytes(head + content)
    read_or_rejected(file)


STEPS = [bytes([code]) for code in b")]}(tRbaesu012No\x81\x85\x86\x87\x89\x8f\x90\x91\x92\x93\x94"]
STEPS += [b"K\x00", b"K\x01", b"h\x00", b"q\x00", b"C\x01b", b"X\x01\x00\x00\x00a", b"X\x02\x00\x00\x00U1"]
STEPS += [b"X\x06\x00\x00\x00latin1", b"c_codecs\nencode\n", b"cnumpy._core.multiarray\nscalar\n"]
STEPS += [ARRAY, OBJECT, STATE, b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", f"cbuiltins\n{CANARY}\n".encode()]
PROGRAMS = st.lists(st.sampled_from(STEPS), max_size=14)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PROGRAMS)
def test_any_program_of_the_pickle_machine_is_rejected_or_read_and_never_runs(file, parts):
    read_or_rejected(by_hand(file, b"\x80\x04" + b"".join(parts) + b"."))


def test_the_fuzz_would_see_a_call(file):
    # the canary is found and called by a machine that finds everything
    touched = []
    setattr(builtins, CANARY, lambda *_: touched.append(1))
    try:
        pickle.loads(f"cbuiltins\n{CANARY}\n)R.".encode())
    finally:
        delattr(builtins, CANARY)
    assert touched == [1]
