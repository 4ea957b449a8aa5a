"""Files of torch.save with flipped bytes: an equal state, or one sentence that names the file."""

import struct

import pytest
import torch

from objectcrop.runtime.torch_files import DamagedStateError, read_whole, write_torch
from tests.flips import KINDS, outcomes

CPU = torch.device("cpu")
STATE = {"model": {"w": torch.arange(40.0), "n": torch.tensor(3)}, "iteration": 7, "settings_hash": "abc"}


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes_are_noticed_or_change_nothing(tmp_path, kind):
    write_torch(tmp_path / "state.pt", STATE)
    result = outcomes(tmp_path / "state.pt", lambda: read_whole(tmp_path / "state.pt", CPU), kind)
    assert not result.others
    assert result.rejected > 30


def test_a_tensor_that_is_marked_as_a_folder_is_damaged(tmp_path):
    """torch would leave it as the memory was."""
    path = tmp_path / "state.pt"
    write_torch(path, STATE)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(b"archive/data/0"))
    (data[entry + 38],) = struct.pack("B", 0x10)  # attributes of the file, DOS's folder
    path.write_bytes(data)
    with pytest.raises(DamagedStateError, match=r"state\.pt: damaged at archive/data/0"):
        read_whole(path, CPU)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_file_that_is_cut_off_is_named(tmp_path, share):
    path = tmp_path / "state.pt"
    write_torch(path, STATE)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DamagedStateError, match=r"state\.pt: cannot be read"):
        read_whole(path, CPU)


class Harm:
    """What a pickle could ask for."""

    def __reduce__(self):
        return (print, ("harm",))


def test_a_malicious_pickle_is_not_run(tmp_path, capsys):
    write_torch(tmp_path / "state.pt", {"model": Harm()})
    with pytest.raises(DamagedStateError, match=r"state\.pt: cannot be read"):
        read_whole(tmp_path / "state.pt", CPU)
    assert "harm" not in capsys.readouterr().out


def test_an_error_that_is_not_the_disks_stays(tmp_path):
    with pytest.raises(Exception, match="pickle"):
        write_torch(tmp_path / "state.pt", {"f": lambda: None})
    assert not list(tmp_path.iterdir())
