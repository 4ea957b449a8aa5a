"""Files as `numpy.save` writes them, and pickles made by hand, opcode by opcode."""

import pickle

import numpy as np

HEADER = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117) + b"\n"


def saved(path, value):
    """What the authors' code did."""
    np.save(path, value, allow_pickle=True)
    return path


def by_hand(path, body: bytes):
    """A .npy file of one object, whose pickle is `body`."""
    path.write_bytes(HEADER + body)
    return path


def as_numpy_1(value, *, protocol: int = 3) -> bytes:
    """The pickle of a value as numpy 1 wrote it: the array's parts under `numpy.core.multiarray`."""
    content = pickle.dumps(value, protocol)
    head = pickle.PROTO + bytes([protocol])
    assert content.startswith(head)
    assert content.endswith(b".")
    return (
        head
        + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"  # _reconstruct(ndarray, (0,), b"b")
        + b"(K\x01)"  # state: version 1, shape ()
        + b"cnumpy\ndtype\nX\x02\x00\x00\x00O8K\x00K\x01\x87R"
        + b"(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
        + b"\x89]"  # not in Fortran's order; the list of values
        + content[2:-1]
        + b"atb."
    )
