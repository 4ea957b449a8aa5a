"""How the App shows the data set: colours, sidebar and saved views."""

from typing import Any

from objectcrop.inspection.fields import CROPS, REGIONS

# Okabe and Ito's colours, distinct for colour-blind people too.
COVERED, MISSED = "#009e73", "#d55e00"
HIT, PARTIAL, MISS = "#56b4e9", "#e69f00", "#999999"
REGION_COLOURS = {
    "object_box": "#0072b2",
    "dilated_box": "#88ccee",
    "view1_crops": "#cc79a7",
    "view2_crops": "#f0e442",
}
# values are text here, flags too; "None" takes all that is false, so it stands after "False": groups are grey
BOX_COLOURS = {
    "ground_truth": {"True": COVERED, "False": MISSED, "None": MISS},
    "proposals": {"hit": HIT, "partial": PARTIAL, "miss": MISS},
}
TINY_SHARE = 0.01
_MOST_RANKS = 100


def dress(dataset: Any, *, with_crops: bool) -> None:
    """Set colours, sidebar groups, the layers that are on at first, and the saved views."""
    import fiftyone as fo

    dataset.app_config.color_scheme = _colours(with_crops=with_crops)
    dataset.app_config.sidebar_groups = _sidebar(with_crops=with_crops)
    dataset.app_config.active_fields = fo.ActiveFields(paths=["ground_truth", "proposals", "corloc"])
    dataset.save()
    _save_views(dataset, with_crops=with_crops)


def _colours(*, with_crops: bool) -> Any:
    import fiftyone as fo

    def by(path: str, attribute: str | None, colours: dict[str, str]) -> dict[str, Any]:
        values = [{"value": value, "color": colour} for value, colour in colours.items()]
        chosen = {"colorByAttribute": attribute} if attribute else {}
        return {"path": path, "fieldColor": next(iter(colours.values())), "valueColors": values, **chosen}

    fields = [
        by("ground_truth", "covered", BOX_COLOURS["ground_truth"]),
        by("proposals", "verdict", BOX_COLOURS["proposals"]),
        by("corloc", None, {"True": COVERED, "False": MISSED}),
    ]
    if with_crops:
        ranks = ["whole image", *(f"#{number}" for number in range(1, _MOST_RANKS + 1))]
        fields += [by(path, "label", dict.fromkeys(ranks, colour)) for path, colour in REGION_COLOURS.items()]
    return fo.ColorScheme(color_by="value", opacity=0.8, fields=fields)  # opacity goes for strokes too


def _sidebar(*, with_crops: bool) -> list[Any]:
    import fiftyone as fo

    measures = ["corloc", "corloc_iou", "det_rate", "num_missed", "best_iou_mean"]
    groups = {
        "tags": ["tags"],
        "boxes": ["ground_truth", "proposals"],
        **({"crops": [*REGIONS, *CROPS]} if with_crops else {}),
        "measures": [*measures, *(["crop_hit_rate"] if with_crops else [])],
        "image": ["image_id", "split", "num_objects", "num_proposals", "smallest_object"],
        # without a group of this name the App adds an empty one
        "metadata": ["id", "filepath", "metadata.width", "metadata.height", "created_at", "last_modified_at"],
    }
    return [
        fo.SidebarGroupDocument(name=name, paths=paths, expanded=name in ("boxes", "crops", "measures"))
        for name, paths in groups.items()
    ]


def _save_views(dataset: Any, *, with_crops: bool) -> None:
    """Match, then sort, by indexed fields; filters of boxes come last, as they rewrite every document before them."""
    from fiftyone import ViewField as F

    is_missed = F("covered") == False  # noqa: E712 (an expression, and None is not False)
    missed = dataset.match(F("num_missed") > 0)
    views = {
        "Missed objects": (
            "every object that no proposal covers; most missed first",
            MISSED,
            missed.sort_by("num_missed", reverse=True).filter_labels("ground_truth", is_missed),
        ),
        "CorLoc failures": (
            "the top-ranked proposal is on no object; worst first",
            MISSED,
            dataset.match(F("corloc") == False).sort_by("corloc_iou"),  # noqa: E712
        ),
        "Best covered": (
            "all objects covered; best first",
            COVERED,
            dataset.match(F("det_rate") == 1.0).sort_by("best_iou_mean", reverse=True),
        ),
        "No proposals": ("the source returned nothing", MISS, dataset.match(F("num_proposals") == 0)),
        "Tiny objects": (
            "objects under 1 % of the image only; smallest first",
            REGION_COLOURS["object_box"],
            dataset.match((F("num_objects") > 0) & (F("smallest_object") < TINY_SHARE))  # nothing sorts below numbers
            .sort_by("smallest_object")
            .filter_labels("ground_truth", F("area_share") < TINY_SHARE),
        ),
        "Top proposal only": (
            "what CorLoc measures",
            HIT,
            dataset.filter_labels("proposals", F("rank") == 0, only_matches=False),
        ),
        "Missed object patches": (
            "one tile a missed object",
            MISSED,
            missed.sort_by("smallest_object").filter_labels("ground_truth", is_missed).to_patches("ground_truth"),
        ),
        "Proposal patches": (
            "one tile for each of the three first proposals",
            PARTIAL,
            dataset.filter_labels("proposals", F("rank") < 3).to_patches("proposals"),
        ),
    }
    if with_crops:
        views["Crops that miss every object"] = (
            "no drawn crop of the image shows an object",
            REGION_COLOURS["view1_crops"],
            dataset.match(F("crop_hit_rate") == 0),
        )
    for name, (description, colour, view) in views.items():
        dataset.save_view(name, view, description=description, color=colour)
