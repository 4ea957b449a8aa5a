"""Batches arrive on the device in order, each with its rows."""

import pickle

import pytest
import torch

from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.arrival import arrive
from objectcrop.ssl.samples.images import ImageList, boxes_of_images
from objectcrop.ssl.samples.order import BatchOrder, load_batches
from objectcrop.ssl.samples.pairs import PairSamples, ShuffledSamples
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


@pytest.mark.parametrize("name", ["oac", "supervised"])
def test_samples_travel_to_workers_that_start_afresh(tables, request_of, name):
    """Beside a GPU workers are no copies of the process that has opened it: samples are sent to them."""
    images, run = ImageList.of(tables.manifest, tables.data_root), request_of("oac").run
    samples = PairSamples(images, boxes_of_images(tables.proposals, images), run, 0.5, Seeds(0, 1))
    if name == "supervised":
        from objectcrop.ssl.samples.labelled import LabelledSamples, labels_by_image

        labels = labels_by_image(tables.annotations, images)[0]
        samples = LabelledSamples(images, labels, request_of(name).run, Seeds(0, 1))
    sent, keys = pickle.loads(pickle.dumps(samples)), [(0, 3), (1, 5)]
    for value, expected in zip(sent.__getitems__(keys), samples.__getitems__(keys), strict=True):
        assert value is expected is None or torch.equal(value, expected)
    if name == "oac":
        assert len(pickle.loads(pickle.dumps(ShuffledSamples(samples)))) == len(samples)


@pytest.mark.parametrize(("device", "start"), [("cuda", "spawn"), ("cpu", "fork")])
def test_workers_beside_a_gpu_start_afresh(device, start):
    order = BatchOrder(16, 4, range(2), seeds=Seeds(0, 1), world=ALONE)
    loader = load_batches([], order, 2, torch.device(device))
    assert loader.multiprocessing_context.get_start_method() == start
    pickle.dumps((loader.collate_fn, loader.worker_init_fn, order))
