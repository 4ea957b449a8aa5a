import hashlib

import pytest

from objectcrop.runtime.checksum import file_sha256, require_sha256


def test_a_file_s_checksum_is_that_of_its_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"abc" * 10**6)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"abc" * 10**6).hexdigest()


def test_another_file_than_the_pinned_one_is_rejected_with_both_sums(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    pinned = hashlib.sha256(b"abc").hexdigest()
    require_sha256(path, pinned, setting="s")
    require_sha256(path, None, setting="s")
    path.write_bytes(b"abe")
    with pytest.raises(ValueError, match=f"file: its SHA-256 is {file_sha256(path)}, s expects {pinned}; get the file"):
        require_sha256(path, pinned, setting="s")
