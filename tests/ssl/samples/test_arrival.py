"""Batches arrive on the device in order, each with its rows."""

from multiprocessing.reduction import ForkingPickler

import pytest
import torch

from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.arrival import arrive
from objectcrop.ssl.samples.images import ImageList, boxes_of_images
from objectcrop.ssl.samples.labelled import LabelledSamples, labels_by_image
from objectcrop.ssl.samples.order import BatchOrder, how_workers_start, load_batches
from objectcrop.ssl.samples.pairs import PairSamples, ShuffledSamples
from objectcrop.ssl.samples.sharing import SharedSamples
from tests.ssl.wiring import ALONE, batch_of

CPU = torch.device("cpu")


def numbered(count):
    for number in range(count):
        batch = batch_of()
        yield batch._replace(rows=batch.rows + number, query=batch.query + number)


def test_batches_come_in_order_with_their_rows():
    arrived = list(arrive(numbered(3), CPU))
    assert [rows for rows, _ in arrived] == [[7 + n, 2 + n, 0 + n, 11 + n] for n in range(3)]
    for (_, batch), expected in zip(arrived, numbered(3), strict=True):
        assert torch.equal(batch.query, expected.query)
        assert torch.equal(batch.query_tags, expected.query_tags)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: streams of copies are its own")
@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_gpu_gets_the_same_batches_from_its_copy_stream(count):
    device = torch.device("cuda", 0)
    pinned = (batch._make(None if v is None else v.pin_memory() for v in batch) for batch in numbered(count))
    arrived = [(rows, batch.query.cpu()) for rows, batch in arrive(pinned, device)]
    assert len(arrived) == count
    for (rows, query), expected in zip(arrived, numbered(count), strict=True):
        assert rows == expected.rows.tolist()
        assert torch.equal(query, expected.query)


def samples_of(name, tables, request_of):
    images, run = ImageList.of(tables.manifest, tables.data_root), request_of(name).run
    if name == "supervised":
        return LabelledSamples(images, labels_by_image(tables.annotations, images)[0], run, Seeds(0, 1))
    return PairSamples(images, boxes_of_images(tables.proposals, images), run, 0.5, Seeds(0, 1))


def same(first, second):
    return all((a is None and b is None) or torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", ["oac", "supervised"])
def test_samples_that_travel_are_the_same_and_send_no_block_of_memory(tables, request_of, name):
    samples, keys = samples_of(name, tables, request_of), [(0, 3), (1, 5)]
    shared = SharedSamples(samples)
    sent = ForkingPickler.dumps(shared)
    arrived = ForkingPickler.loads(sent)
    assert same(arrived.__getitems__(keys), samples.__getitems__(keys))
    assert len(arrived) == len(samples)
    pairs = list(zip(arrived._blocks, shared._blocks, strict=True))
    assert len(pairs) > 3
    for there, here in pairs:
        here[:1] += 1
        assert torch.equal(there, here), "they are the same memory"


def test_workers_that_start_afresh_make_the_same_batches(tables, request_of):
    samples = ShuffledSamples(samples_of("oac", tables, request_of))
    order = BatchOrder(16, 4, range(2), seeds=Seeds(0, 1), world=ALONE, loads_shuffled=True)
    alone, helped = (list(load_batches(samples, order, n, CPU, start="spawn")) for n in (0, 1))
    assert len(alone) == len(helped) == 2
    assert all(map(same, alone, helped))


def test_workers_beside_a_gpu_start_afresh():
    assert [how_workers_start(torch.device(kind)) for kind in ("cuda", "cpu")] == ["spawn", "fork"]
