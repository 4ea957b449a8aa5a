"""The queue is a ring of keys and tags."""

import pytest
import torch

from objectcrop.ssl.methods.queue import Queue


def rows(start, count):
    return torch.arange(start, start + count).float()[:, None].repeat(1, 2)


def test_keys_wrap_around_and_the_oldest_go_first():
    queue = Queue(7, 2, first_tags=[1], seed=0)
    for start in (0, 3, 6):
        queue.enqueue(rows(start, 3), torch.tensor([0, 1, 0]))
    assert queue.keys[:, 0].tolist() == [7, 8, 2, 3, 4, 5, 6]
    assert queue.tags.tolist() == [1, 0, 0, 0, 1, 0, 0]
    assert queue.pointer == 2


def test_it_starts_with_unit_vectors_of_its_seed():
    first, again, other = (Queue(50, 8, first_tags=[0, 1], seed=seed) for seed in (3, 3, 4))
    torch.testing.assert_close(first.keys.norm(dim=1), torch.ones(50))
    assert torch.equal(first.keys, again.keys)
    assert not torch.equal(first.keys, other.keys)
    assert first.tags.float().mean() == 0.5


def test_its_state_holds_the_pointer(tmp_path):
    queue, other = (Queue(5, 2, first_tags=[1], seed=seed) for seed in (0, 1))
    queue.enqueue(rows(0, 3), torch.tensor([0, 0, 1]))
    torch.save(queue.state_dict(), tmp_path / "q.pt")
    other.load_state_dict(torch.load(tmp_path / "q.pt", weights_only=True))
    assert other.pointer == 3
    assert torch.equal(other.keys, queue.keys)


def test_more_keys_than_rows_are_rejected():
    with pytest.raises(ValueError, match="6 keys for a queue of 5"):
        Queue(5, 2, first_tags=[1], seed=0).enqueue(rows(0, 6), torch.zeros(6))
