"""Where each public data set can be had: its own page, for messages about files that are not there."""

HOME_PAGES = {
    "openimages": "Open Images: https://storage.googleapis.com/openimages/web/index.html",
    "coco": "COCO: https://cocodataset.org/#download",
    "voc": "PASCAL VOC: http://host.robots.ox.ac.uk/pascal/VOC/",
    "image_folders": "ImageNet: https://www.image-net.org/download.php",
    "ade20k": "ADE20K scene parsing: http://sceneparsing.csail.mit.edu/",
    "fgvc_aircraft": "FGVC-Aircraft: https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/",
    "cub": "CUB-200-2011: https://www.vision.caltech.edu/datasets/cub_200_2011/",
    "stanford_cars": "Stanford Cars: https://ai.stanford.edu/~jkrause/cars/car_dataset.html "
    "(the page has been gone since 2023; a copy of the original files serves)",
}
"""Name and page by `source`; sources that are nobody's in particular (folder, drawn, ohms, union) have none,
nor has released_ohms, which comes with the code of the paper."""


def how_to_get(source: str) -> str:
    """Return what to do about missing files of a source, as the end of a sentence."""
    page = HOME_PAGES.get(source)
    return f"put the data there (get it from {page})" if page else "put the data there"
