"""Rendering: geometry exact where it can be, colours as torchvision's within rounding."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional as TF

from objectcrop.boxes import Size
from objectcrop.views.augmentations import ColorTransform
from objectcrop.views.plan import ViewPlan
from objectcrop.views.render import Part, augment, crop, cut_at_border, pixels_of, render, resize

SIZE = Size(48, 32)


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.integers(0, 256, (32, 48, 3), dtype=np.uint8), (0, 0), 2)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)


@pytest.fixture
def part(image):
    return Part.whole(image)


def plan(box, **more):
    return ViewPlan("scene", (0, 0, 48, 32), box, **more)


def difference(ours, theirs):
    return np.abs(ours.astype(int) - np.asarray(theirs).astype(int))


def test_a_square_crop_of_the_views_size_is_copied(image, part):
    assert (render(part, SIZE, plan((4, 6, 20, 22)), 16) == image[6:22, 4:20]).all()


def test_a_flip_mirrors_left_and_right(part):
    straight = render(part, SIZE, plan((4, 6, 20, 22)), 16)
    assert (render(part, SIZE, plan((4, 6, 20, 22), is_flipped=True), 16) == straight[:, ::-1]).all()


def test_an_image_decoded_at_half_its_size_shows_the_same_crop(image):
    half = cv2.resize(image, (24, 16), interpolation=cv2.INTER_AREA)
    assert (crop(Part.whole(half), SIZE, plan((8, 4, 40, 28))) == half[2:14, 4:20]).all()


@given(st.tuples(*[st.floats(-60, 80)] * 4), st.sampled_from([SIZE, Size(96, 64), Size(24, 16), Size(64, 64)]))
def test_a_part_that_holds_the_crop_shows_what_the_whole_image_does(corners, shown):
    """Also of crops that are partly or wholly outside the image, and of images that are squeezed."""
    x1, x2, y1, y2 = *sorted(corners[:2]), *sorted(corners[2:])
    pixels = np.random.default_rng(0).integers(0, 256, (shown.height, shown.width, 3), dtype=np.uint8)
    planned = plan((x1, y1, x2, y2))
    left, top, right, bottom = cut_at_border(pixels_of(planned, SIZE, shown), shown)
    part = Part(pixels[top : max(bottom, top), left : max(right, left)], left, top, shown)
    assert (crop(part, SIZE, planned) == crop(Part.whole(pixels), SIZE, planned)).all()


def test_area_averages_where_it_shrinks_and_interpolates_where_it_grows():
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    assert set(np.unique(resize(stripes, 16, "area"))) <= {127, 128}, "aliased"
    assert resize(stripes[:8, :40], 16, "area").shape == (16, 16, 3)
    assert resize(stripes[:40, :8], 16, "area").shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("interpolation", "pillows", "other"),
    [("linear", Image.Resampling.BILINEAR, "bicubic"), ("bicubic", Image.Resampling.BICUBIC, "linear")],
)
@pytest.mark.parametrize("shape", [(30, 20), (9, 40), (90, 70)])
def test_linear_and_bicubic_are_pillows(shape, interpolation, pillows, other):
    rng = np.random.default_rng(1)
    image = cv2.GaussianBlur(rng.integers(0, 256, (*shape, 3), dtype=np.uint8), (0, 0), 1)
    theirs = Image.fromarray(image).resize((32, 32), pillows)
    assert difference(resize(image, 32, interpolation), theirs).max() <= 1
    assert difference(resize(image, 32, other), theirs).max() > 1, "another way"


def test_what_is_beyond_the_border_is_black(image, part):
    view = crop(part, SIZE, plan((-4, -2, 12, 14)))
    assert view.shape == (16, 16, 3)
    assert (view[2:, 4:] == image[:14, :12]).all()
    assert not view[:2].any()
    assert not view[:, :4].any()
    view = crop(part, SIZE, plan((40, 20, 60, 40)))
    assert (view[:12, :8] == image[20:, 40:]).all()
    assert not view[12:].any()
    assert not view[:, 8:].any()
    assert not crop(part, SIZE, plan((50, 0, 60, 10))).any()


def test_solarising_inverts_the_bright_half_at_the_end(image):
    solarised = augment(image, ColorTransform((("brightness", 1.3),), is_solarised=True))
    theirs = TF.solarize(TF.adjust_brightness(Image.fromarray(image), 1.3), 128)
    # a value next to the threshold may round to its other side
    assert (difference(solarised, theirs) <= 2).mean() > 0.98
    assert (
        augment(image, ColorTransform(is_solarised=True)) == np.asarray(TF.solarize(Image.fromarray(image), 128))
    ).all()


def test_grey_comes_before_the_jitter_where_moco_v1_has_it(image):
    hue = (("hue", 0.3),)
    grey = augment(image, ColorTransform(is_gray=True))
    assert (augment(image, ColorTransform(hue, is_gray=True, is_gray_first=True)) == grey).all(), "grey has no hue"
    assert difference(augment(image, ColorTransform(hue, is_gray=True)), grey).max() > 2


@pytest.mark.parametrize("value", [0.6, 0.85, 1.0, 1.4])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_factors_act_as_torchvisions(image, name, value):
    theirs = getattr(TF, f"adjust_{name}")(Image.fromarray(image), value)
    assert difference(augment(image, ColorTransform(((name, value),))), theirs).max() <= 2


@pytest.mark.parametrize("share", [-0.1, -0.03, 0.07, 0.1])
def test_hue_shifts_as_torchvisions(image, share):
    theirs = TF.adjust_hue(Image.fromarray(image), share)
    assert difference(augment(image, ColorTransform((("hue", share),))), theirs).mean() < 2


def test_jitter_keeps_the_drawn_order(image):
    one = augment(image, ColorTransform((("brightness", 1.4), ("contrast", 0.6))))
    other = augment(image, ColorTransform((("contrast", 0.6), ("brightness", 1.4))))
    theirs = TF.adjust_contrast(TF.adjust_brightness(Image.fromarray(image), 1.4), 0.6)
    assert difference(one, theirs).max() <= 2
    assert difference(one, other).max() > 5


def test_grey_has_equal_channels(image):
    grey = augment(image, ColorTransform(is_gray=True))
    assert (grey[..., 0] == grey[..., 1]).all()
    assert difference(grey, TF.rgb_to_grayscale(Image.fromarray(image), 3)).max() <= 1


def test_blur_is_stated_for_views_of_224_pixels():
    dot = np.zeros((112, 112, 3), dtype=np.uint8)
    dot[56, 56] = 255
    weights = augment(dot, ColorTransform(blur_sigma=2.0))[..., 0].astype(float)
    offsets = np.arange(112) - 56
    sigma = np.sqrt((weights.sum(axis=0) * offsets**2).sum() / weights.sum())
    assert sigma == pytest.approx(1.0, rel=0.1)
