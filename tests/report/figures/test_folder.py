"""A folder of figures is whole, readable, and wide as a phone's column."""

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import pytest
from PIL import Image

from objectcrop.report.figures.folder import PNG_DPI, STYLE, WIDTH_IN, Figure, new_figure, read_figures, write_figures
from objectcrop.report.figures.scales import log_scale, short


def figure(name, height_in=2.0):
    with matplotlib.rc_context(STYLE):
        drawn, panel = new_figure(height_in)
        panel.plot([1, 2], [3, 4])
        panel.set_title("A title")
    return Figure(name, f"What is {name}?", "A caption.", "An alt.", drawn)


def test_a_figure_is_an_svg_with_letters_of_ten_points_and_a_png_of_its_width(tmp_path):
    write_figures(tmp_path / "figures", [figure("one"), figure("two")])
    one, two = read_figures(tmp_path / "figures")
    assert (one.name, one.question, two.question) == ("one", "What is one?", "What is two?")
    root = ElementTree.fromstring(one.svg)
    assert root.get("width") == f"{72 * WIDTH_IN:g}pt"
    texts = [element for element in root.iter() if element.tag.endswith("text")]
    sizes = {re.search(r"(?:font|font-size): (\d+)px", text.get("style")).group(1) for text in texts}
    assert sizes == {"10"}  # of 72 an inch
    assert "A title" in {text.text for text in texts}
    with Image.open(tmp_path / "figures/one.png") as png:
        assert png.size == (round(WIDTH_IN * PNG_DPI), 2 * PNG_DPI)


def test_a_folder_is_replaced_as_a_whole_and_stays_if_a_figure_fails(tmp_path):
    write_figures(tmp_path / "figures", [figure("one")])

    def failing():
        yield figure("two")
        raise RuntimeError("no third")

    with pytest.raises(RuntimeError, match="no third"):
        write_figures(tmp_path / "figures", failing())
    assert [shown.name for shown in read_figures(tmp_path / "figures")] == ["one"]
    write_figures(tmp_path / "figures", [figure("three")])
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["index.json", "three.png", "three.svg"]
    assert [path.name for path in tmp_path.iterdir()] == ["figures"]


def test_numbers_of_an_axis_are_short():
    assert [short(value) for value in (0.05, 300, 4000, 2.5e6)] == ["0.05", "300", "4k", "2.5M"]


@pytest.mark.parametrize(("low", "high"), [(20, 60), (1, 30), (1e-3, 1e3)])
def test_a_log_axis_has_a_few_plain_numbers(low, high):
    drawing, panel = new_figure(2.0)
    panel.plot([low, high], [low, high])
    log_scale(panel.xaxis)
    drawing.draw_without_rendering()
    inside = [tick for tick in panel.xaxis.get_majorticklocs() if low <= tick <= high]
    assert 1 <= len(inside) <= 8
    assert not any("$" in text.get_text() for text in panel.get_xticklabels())
