import hashlib

from objectcrop.runtime.checksum import file_sha256


def test_a_file_s_checksum_is_that_of_its_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"abc" * 10**6)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"abc" * 10**6).hexdigest()
