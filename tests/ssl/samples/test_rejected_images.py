"""JPEGs that a strict decoder rejects and Pillow decodes are counted, in every process that decodes, and reported once."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from objectcrop.boxes import Size
from objectcrop.data.decoders import resolve_decoder, segments
from objectcrop.data.images import decode_or_reject
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.pretraining import pretrain
from objectcrop.ssl.samples.images import ImageList, read_for
from objectcrop.ssl.samples.labelled import LabelledSamples
from objectcrop.ssl.samples.order import BatchOrder, load_batches
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.ssl.training.checkpoints import read_metrics
from objectcrop.ssl.training.metrics import REJECTED
from objectcrop.ssl.training.summary import rejected_per_epoch
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.plan import ViewPlan
from tests.ssl.wiring import ALONE

WIDTH, HEIGHT, COUNT = 48, 40, 8
BAD = {2: "inks", 5: "a byte between segments"}
DECODERS = sorted({"opencv", resolve_decoder("auto")})


def image(seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))


def jpeg(seed=0, kind="sound"):
    """A JPEG of noise that every decoder takes, or one that Pillow alone does."""
    file = io.BytesIO()
    (image(seed).convert("CMYK") if kind == "inks" else image(seed)).save(file, "JPEG", quality=90)
    data = file.getvalue()
    place = list(segments(data))[1]
    return data[:place] + b"\x00" + data[place:] if kind == "a byte between segments" else data


@pytest.fixture
def images(tmp_path):
    paths = tuple(tmp_path / f"{number}.jpg" for number in range(COUNT))
    for number, path in enumerate(paths):
        path.write_bytes(jpeg(number, BAD.get(number, "sound")))
    return ImageList(tuple(path.stem for path in paths), paths, (Size(WIDTH, HEIGHT),) * COUNT)


@pytest.mark.parametrize("decoder", DECODERS)
def test_what_the_decoder_rejects_has_pillows_pixels_and_is_marked(tmp_path, decoder):
    path = tmp_path / "a.jpg"
    for kind, is_rejected in (("sound", False), ("inks", True), ("a byte between segments", True)):
        path.write_bytes(jpeg(kind=kind))
        pixels = np.array(Image.open(path).convert("RGB"))
        for region in (None, (3, 5, 20, 31)):
            left, top, right, bottom = region or (0, 0, WIDTH, HEIGHT)
            decoded = decode_or_reject(path, decoder, region)
            assert decoded.is_rejected == is_rejected
            assert (decoded.pixels == pixels[top:bottom, left:right]).all()
            assert not decode_or_reject(path, "pil", region).is_rejected, "Pillow rejects nothing that it decodes"


@pytest.mark.parametrize("side", [None, 32])
def test_a_part_says_whether_its_image_was_rejected(tmp_path, side):
    image().save(tmp_path / "other.png")
    views, settings = [ViewPlan("scene", (0, 0, WIDTH, HEIGHT), (4, 4, 30, 30))], ViewSettings(resize_first_px=side)
    assert not read_for(tmp_path / "other.png", Size(WIDTH, HEIGHT), views, settings).is_rejected, "no decoder's format"
    for kind in ("sound", "inks"):
        (tmp_path / "a.jpg").write_bytes(jpeg(kind=kind))
        part = read_for(tmp_path / "a.jpg", Size(WIDTH, HEIGHT), views, settings)
        assert part.is_rejected == (kind == "inks")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_of_all_workers_say_which_images_were_rejected(images, request_of, num_workers):
    boxes = [np.array([[4.0, 4, 40, 36]])] * COUNT
    pairs, batched = (request_of("oac", views={"renderer": name}).run for name in ("cpu", "batched"))
    supervised = request_of("supervised").run
    for samples in (
        PairSamples(images, boxes, pairs, 0.5, Seeds(0, 1)),
        PairSamples(images, boxes, batched, 0.5, Seeds(0, 1)),
        LabelledSamples(images, torch.zeros(COUNT, dtype=torch.long), supervised, Seeds(0, 1)),
    ):
        order = BatchOrder(COUNT, 4, range(4), seeds=Seeds(0, 1), world=ALONE)
        marked = []
        for batch in load_batches(samples, order, num_workers, ALONE.device):
            assert torch.equal(batch.rejected, batch.to(ALONE.device).rejected)
            marked += zip(batch.rows.tolist(), batch.rejected.tolist(), strict=True)
        assert sorted(marked) == sorted(2 * [(row, row in BAD) for row in range(COUNT)])


@pytest.mark.parametrize(("threads", "num_bad"), [(1, 2), (8, 2), (1, 0)], ids=["alone", "two workers", "none"])
def test_a_training_counts_them_in_every_epoch_and_names_the_first_once(
    tables, request_of, tmp_path, capsys, threads, num_bad
):
    for number, kind in list(BAD.items())[:num_bad]:
        (tables.data_root / f"i{number:02d}.png").write_bytes(jpeg(number, kind))
    request = request_of(threads=threads, optimizer={"epochs": 2})
    summary = pretrain(request, tables, tmp_path / "c").summary
    counts = [4 * row[REJECTED] for row in read_metrics(tmp_path / "c")]
    assert [sum(counts[:4]), sum(counts[4:])] == [num_bad, num_bad]
    assert summary["samples"]["decoder_rejected_per_epoch"] == num_bad
    lines = [line for line in capsys.readouterr().err.splitlines() if "the decoder rejected" in line]
    assert len(lines) == (num_bad > 0)
    if lines:
        named = [str(tables.data_root / f"i{number:02d}.png") for number in BAD]
        assert lines[0].startswith("warning: pretrain scene-scene s1: the decoder rejected ")
        assert any(f"rejected {path}, Pillow decodes it" in lines[0] for path in named)


def test_the_count_of_an_epoch_is_a_mean_over_windows_of_any_length():
    history = [{"images_seen": 8, REJECTED: 0.25}, {"images_seen": 20, REJECTED: 1 / 12}, {"images_seen": 24}]
    assert rejected_per_epoch(history, 2) == 1.5
    assert rejected_per_epoch([], 3) == 0
