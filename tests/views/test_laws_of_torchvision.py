"""Random decisions beside torchvision's own: moments of ten thousand draws of ours and of theirs.

A draw is a row of numbers. Compared are the mean of each number and of each product of two (so means, variances and
covariances, and that what should be independent is). Two means differ if they are further apart than the normal quantile of
their standard error allows. `FALSE_ALARMS` is the chance that a test fails although the laws are equal: it is divided by
the number of its comparisons. The seeds are fixed, so that a test passes always or never.
"""

from functools import cache
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency, ks_2samp, norm
from torchvision.transforms import (
    ColorJitter,
    GaussianBlur,
    RandomApply,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomSolarize,
)

from objectcrop.boxes import Size
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.augmentations import AUGMENTATIONS, draw_color_transform
from objectcrop.views.crops import draw_crop
from objectcrop.views.plan import plan_pair

DRAWS, FALSE_ALARMS = 10_000, 1e-3
RATIO, SIGMAS = (3 / 4, 4 / 3), (0.1, 2.0)
NAMES = ("brightness", "contrast", "saturation", "hue")
# jitter and its probability, of grey, of the blur, of the inversion: He et al. 2020, Chen et al. 2020, Grill et al. 2020
# (table 6), Caron et al. 2020
RECIPES = {
    "moco_v1": ((0.4, 0.4, 0.4, 0.4), 1.0, 0.2, 0.0, 0.0),
    "moco_v2": ((0.4, 0.4, 0.4, 0.1), 0.8, 0.2, 0.5, 0.0),
    "byol": ((0.4, 0.4, 0.2, 0.1), 0.8, 0.2, 1.0, 0.0),
    "byol key": ((0.4, 0.4, 0.2, 0.1), 0.8, 0.2, 0.1, 0.2),
    "swav": ((0.8, 0.8, 0.8, 0.2), 0.8, 0.2, 0.5, 0.0),
}


def crop_row(left, top, right, bottom, size):
    """Logarithms of area share and ratio, and the centre as a share of the region."""
    width, height = right - left, bottom - top
    area, ratio = width * height / (size.width * size.height), width / height
    return [np.log(area), np.log(ratio), (left + right) / 2 / size.width, (top + bottom) / 2 / size.height]


def color_row(jitter, is_gray, sigma, is_solarised):
    """What is done to colours; 0 for what is not done, and the place of each step of the jitter but the last."""
    values = dict(jitter)
    places = [place for name in NAMES[:3] for place, (step, _) in enumerate(jitter) if step == name] or [0, 0, 0]
    return [bool(jitter), *(values.get(name, 0) for name in NAMES), *places, is_gray, sigma > 0, sigma, is_solarised]


def our_colors(transform):
    return color_row(transform.jitter, transform.is_gray, transform.blur_sigma, transform.is_solarised)


def their_colors(recipe):
    strengths, jittered, gray, blurred, solarised = RECIPES[recipe]
    transform, drawn = ColorJitter(*strengths), {"jitter": (), "sigma": 0.0}

    def jitter(image):
        order, *factors = transform.get_params(*(getattr(transform, name) for name in NAMES))
        drawn["jitter"] = tuple((NAMES[place], factors[place]) for place in order.tolist())
        return image

    def blur(image):
        drawn["sigma"] = GaussianBlur.get_params(*SIGMAS)
        return image

    pixel = torch.tensor([200, 100, 0], dtype=torch.uint8).reshape(3, 1, 1)
    RandomApply([jitter], jittered)(pixel)
    is_gray = bool((RandomGrayscale(gray)(pixel) != pixel).any())
    RandomApply([blur], blurred)(pixel)
    is_solarised = bool((RandomSolarize(128, solarised)(pixel) != pixel).any())
    return color_row(drawn["jitter"], is_gray, drawn["sigma"], is_solarised)


def their_crop(size, scale):
    image = torch.empty(1, size.height, size.width)
    top, left, height, width = RandomResizedCrop.get_params(image, scale, RATIO)
    return crop_row(left, top, left + width, top + height, size)


def their_view(size, scale, recipe):
    arrow = torch.tensor([[[0, 1]]])
    is_flipped = not torch.equal(RandomHorizontalFlip()(arrow), arrow)
    return [*their_crop(size, scale), is_flipped, *their_colors(recipe)]


def drawn_by_them(draw):
    torch.manual_seed(0)
    return np.array([draw() for _ in range(DRAWS)], dtype=float)


def moments(rows):
    """Each number of a draw, and each product of two, shape (draws, n + n (n + 1) / 2)."""
    first, second = np.triu_indices(rows.shape[1])
    return np.concatenate([rows, rows[:, first] * rows[:, second]], axis=1)


def differing(ours, theirs):
    """Indices of moments whose means are further apart than chance allows."""
    both = np.concatenate([ours, theirs])
    centre, spread = both.mean(axis=0), np.maximum(both.std(axis=0), 1e-9)
    ours, theirs = moments((ours - centre) / spread), moments((theirs - centre) / spread)
    error = np.sqrt((ours.var(axis=0, ddof=1) + theirs.var(axis=0, ddof=1)) / DRAWS)
    quantile = norm.isf(FALSE_ALARMS / 2 / ours.shape[1])
    return np.flatnonzero(abs(ours.mean(axis=0) - theirs.mean(axis=0)) > quantile * error + 1e-9).tolist()


@pytest.mark.parametrize(
    ("size", "scale"),
    [
        pytest.param(Size(640, 480), (0.2, 1.0), id="scene"),
        pytest.param(Size(256, 192), (0.08, 1.0), id="byol"),
        pytest.param(Size(192, 256), (0.05, 0.14), id="small crops"),
        pytest.param(Size(10, 12), (0.2, 1.0), id="few pixels"),
        pytest.param(Size(300, 60), (0.2, 1.0), id="long, often its centre"),
    ],
)
def test_crops_are_distributed_as_torchvisions(size, scale):
    rng, region = np.random.default_rng(0), (7.0, 5.0, 7.0 + size.width, 5.0 + size.height)
    crops = [draw_crop(region, scale[0], rng, scale_max=scale[1]) for _ in range(DRAWS)]
    ours = np.array([crop_row(*np.subtract(crop, (7, 5, 7, 5)), size) for crop in crops])
    theirs = drawn_by_them(lambda: their_crop(size, scale))
    assert differing(ours, theirs) == []
    # the distribution as a whole, by the greatest distance of the two (Kolmogorov and Smirnov)
    chances = [ks_2samp(ours[:, column], theirs[:, column], method="asymp").pvalue for column in range(4)]
    assert min(chances) > FALSE_ALARMS / 4


@cache
def drawn_pairs(augmentation):
    """Both views of scene pairs, a row of each pair: ours, theirs."""
    settings, size = ViewSettings(augmentation=augmentation, size_px=224), Size(640, 480)
    scale = (settings.scene_scale_min, settings.scene_scale_max)
    ours = []
    for number in range(DRAWS):
        pair = plan_pair(np.zeros((0, 4)), size, settings, 0.5, generator(0, "views", 0, number, "i"))
        ours.append([n for v in pair for n in [*crop_row(*v.crop_box, size), v.is_flipped, *our_colors(v.transform)]])
    key = "byol key" if augmentation == "byol" else augmentation
    theirs = drawn_by_them(lambda: [*their_view(size, scale, augmentation), *their_view(size, scale, key)])
    return np.array(ours, dtype=float), theirs


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", ["moco_v2", "byol"])
def test_pairs_of_scene_crops_are_distributed_as_two_draws_of_torchvisions(augmentation):
    """Crop, flip and colours of query and key, each by itself and beside every other one of both views."""
    assert differing(*drawn_pairs(augmentation)) == []


@pytest.mark.parametrize("recipe", ["moco_v1", "moco_v2", "swav"])
def test_colors_are_distributed_as_torchvisions(recipe):
    rng, ranges = np.random.default_rng(0), AUGMENTATIONS[recipe][0]
    ours = [our_colors(draw_color_transform(ranges, ViewSettings(), rng)) for _ in range(DRAWS)]
    theirs = drawn_by_them(lambda: their_colors(recipe))
    assert differing(np.array(ours, dtype=float), theirs) == []


def test_the_steps_of_the_jitter_have_every_order_as_often_as_torchvisions():
    rng, ranges = np.random.default_rng(0), AUGMENTATIONS["moco_v1"][0]
    ours = [draw_color_transform(ranges, ViewSettings(), rng).jitter for _ in range(DRAWS)]
    torch.manual_seed(0)
    jitter = ColorJitter(0.4, 0.4, 0.4, 0.4)
    theirs = [jitter.get_params(*(getattr(jitter, name) for name in NAMES))[0].tolist() for _ in range(DRAWS)]
    orders = list(permutations(range(4)))
    counts = np.zeros((2, len(orders)))
    for our_steps, their_order in zip(ours, theirs, strict=True):
        counts[0, orders.index(tuple(NAMES.index(name) for name, _ in our_steps))] += 1
        counts[1, orders.index(tuple(their_order))] += 1
    assert chi2_contingency(counts).pvalue > FALSE_ALARMS


def test_moments_that_differ_by_a_little_are_seen():
    """The comparison itself: equal laws pass, a shift, a spread and a dependence of a tenth do not."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, DRAWS, 3))
    assert differing(one, other) == []
    assert differing(one + np.array([0.1, 0, 0]), other) == [0]
    assert differing(one * [1, 1.1, 1], other) == [6]
    assert differing(one + 0.1 * one[:, [1, 2, 0]] * [1, 0, 0], other) == [4]
