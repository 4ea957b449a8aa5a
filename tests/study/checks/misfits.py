"""Misfits by section: at which setting, which value (None takes it away), and how what is said begins (None: nothing)."""

from tests.study.checks.table_misfits import TABLE_MISFITS

MISFITS = [
    # data sets
    (("datasets", "ohms", "of"), "coco", "datasets.ohms.of: 'coco' is no data set with Open Images boxes; name one"),
    (("datasets", "ohms", "of"), "rare", "datasets.ohms.of: 'rare' is no data set with Open Images boxes; name one"),
    (("datasets", "both", "parts"), ["coco", "coco"], "datasets.both.parts.1: 'coco' is a part already"),
    (("datasets", "coco", "instances", "test"), None, "datasets.coco.images.test: this split has no annotations; add"),
    (
        ("datasets", "fetched", "images", "test"),
        None,
        "datasets.kept.of: images of split test are selected by their boxes and downloaded, but 'fetched' has no folder",
    ),
    (
        ("datasets", "fetched", "images", "train"),
        None,
        "datasets.kept.of: 'fetched' has no split train, whose images are selected",
    ),
    # proposals
    (
        ("proposals", "lod", "layers"),
        ["layer2", "layr3"],
        "proposals.lod.layers.1: the trunk of run 'scene' has no layer 'layr3'; did you mean 'layer3'?",
    ),
    (
        ("proposals", "lod", "layers"),
        ["layer2.0.conv1", "layer3"],
        "proposals.lod.layers.0: layer 'layer2.0.conv1' of run 'scene' does not end in a ReLU",
    ),
    (
        ("proposals", "lod", "descriptor_layer"),
        "layer5",
        "proposals.lod.descriptor_layer: the trunk of run 'scene' has no layer 'layer5'",
    ),
    (
        ("proposals", "vgg", "layers"),
        ["features.22", "features.31"],
        "proposals.vgg.layers.1: the trunk of vgg16 has no layer 'features.31'",
    ),
    (
        ("proposals", "vgg", "descriptor_layer"),
        "classifier.7",
        "proposals.vgg.descriptor_layer: the trunk of vgg16 has no layer",
    ),
    (
        ("proposals", "vgg", "trunk", "arch"),
        "vgg61",
        "proposals.vgg.trunk.arch: there is no network 'vgg61' in torchvision; did you mean",
    ),
    (
        ("proposals", "cuts", "layer"),
        "layer0",
        "proposals.cuts.layer: the trunk of run 'scene' has no layer 'layer0'; did you mean",
    ),
    (
        ("proposals", "given", "file"),
        "boxes.csv",
        "proposals.given.file: 'boxes.csv' ends in neither .parquet nor .json",
    ),
    (("proposals", "degree", "of"), "gt", "proposals.degree.of: 'gt' is of kind gt, not lod; name a LOD source"),
    (("proposals", "random", "sizes_of"), "random", "proposals.random.sizes_of: 'random' is itself random; name"),
    (
        ("proposals", "lod", "features_run"),
        "objects",
        "proposals.lod.features_run: run 'objects' itself needs proposals 'lod'; name a run",
    ),
    # runs
    (
        ("runs", "scene", "moco"),
        {"queue_length": 1000},
        "runs.scene.moco.queue_length: 1000 is not a multiple of optimizer.global_batch_size 256; take 768 or 1024",
    ),
    (
        ("runs", "swav", "swav"),
        {"queue_length": 100},
        "runs.swav.swav.queue_length: 100 is not a multiple of optimizer.global_batch_size 256; take 256",
    ),
    (
        ("runs", "scene", "moco"),
        {"batch_norm_group": 1},
        "runs.scene.moco.batch_norm_group: 1 leaves batch norm nothing",
    ),
    (
        ("runs", "labels", "resources"),
        {"gpus": 3, "nodes": 2},
        "runs.labels.resources.gpus: 3 do not divide evenly among 2 nodes; take 2 or 4",
    ),
    (
        ("runs", "labels", "resources"),
        {"gpus": 3},
        "runs.labels.optimizer.global_batch_size: 256 is not a multiple of the 3 processes (resources.gpus); take 255 or 258",
    ),
    (("runs", "labels", "optimizer"), {"global_batch_size": 2}, None),
    (
        ("runs", "labels", "training"),
        {"accumulation_steps": 3},
        "runs.labels.training.accumulation_steps: optimizer.global_batch_size 256 does not divide into 3 parts",
    ),
    (
        ("runs", "labels", "training"),
        {"accumulation_steps": 256},
        "runs.labels.training.accumulation_steps: 256 leaves batch norm one image",
    ),
    (
        ("runs", "scene", "training"),
        {"accumulation_steps": 2},
        "runs.scene.training.accumulation_steps: 2 is wrong for moco_v2",
    ),
    (
        ("runs", "scene", "losses"),
        {"localization": 1, "patches": 225},
        "runs.scene.losses.patches: 225 x 225 cells are more than the 224 pixels",
    ),
    (
        ("runs", "labels", "backbone"),
        {"arch": "resnet5o"},
        "runs.labels.backbone.arch: torchvision has no network 'resnet5o' for images; did you mean 'resnet50'?",
    ),
    (
        ("runs", "labels", "backbone"),
        {"arch": "vit_b_16"},
        "runs.labels.backbone.arch: vit_b_16 gives no map of stride 32",
    ),
    (
        ("runs", "labels", "backbone"),
        {"arch": "densenet121", "width": 0.5},
        "runs.labels.backbone.width: only resnet18, resnet34",
    ),
    (
        ("runs", "labels", "backbone"),
        {"weights": "w.pth"},
        "runs.labels.backbone.weights: has no effect with method supervised; set it to null",
    ),
    (("runs", "labels", "backbone"), {"init_from": "w.pth"}, None),
    (
        ("runs", "theirs", "backbone", "init_from"),
        "w.pth",
        "runs.theirs.backbone.init_from: has no effect with method external, which does not train; set it to null",
    ),
    (
        ("runs", "random-init", "backbone"),
        {"init_from": "w.pth"},
        "runs.random-init.backbone.init_from: has no effect with method random_init",
    ),
    (
        ("runs", "labels", "backbone"),
        {"init_from_sha256": "0" * 64},
        "runs.labels.backbone.init_from_sha256: there is no file; name it with init_from, or leave the sum out",
    ),
    (
        ("runs", "labels", "dataset"),
        "photos",
        "runs.labels.dataset: 'photos' has no labels (source folder), which method supervised needs",
    ),
    (
        ("runs", "scene", "training"),
        {"monitor_knn": True},
        "runs.scene.training.monitor_knn: 'photos' has no labels (source folder), which the vote needs",
    ),
    (
        ("runs", "objects", "views", "proposals"),
        "gt",
        "runs.objects.views.proposals: 'gt' are annotated boxes, and 'photos' has no labels",
    ),
    (
        ("datasets", "drawn", "num_train"),
        255,
        "runs.labels.optimizer.global_batch_size: 'ohms' has at most 255 training images, no full 256; lower it",
    ),
    (("datasets", "drawn", "num_train"), 256, None),
    (
        ("datasets", "ohms", "max_train_images"),
        9,
        "runs.labels.optimizer.global_batch_size: 'ohms' has at most 9 training images",
    ),
    # tasks
    (
        ("tasks", "linear", "resize_px"),
        200,
        "tasks.linear.size_px: 224 is cut out of a short side of resize_px 200; lower it",
    ),
    (
        ("tasks", "linear", "learning_rates"),
        [1, 2, 1.0],
        "tasks.linear.learning_rates.2: 1 is in the list already; remove it",
    ),
    (
        ("tasks", "linear", "samples"),
        "object",
        "tasks.linear.labels: multi, but with samples: object each sample has one class; set labels: single",
    ),
    (
        ("tasks", "linear"),
        {"kind": "linear", "dataset": "ohms", "nesterov": True, "momentum": 0},
        "tasks.linear.nesterov: true needs a momentum, got 0; raise it, or set nesterov: false",
    ),
    (("tasks", "linear", "decay_epochs"), [80, 60], "tasks.linear.decay_epochs: [80, 60] must rise; write [60, 80]"),
    (
        ("tasks", "linear", "dataset"),
        "photos",
        "tasks.linear.dataset: a linear task needs labels, 'photos' (source folder) has none",
    ),
    (
        ("datasets", "drawn", "num_test"),
        0,
        "tasks.linear.dataset: 'ohms' has no split test, which a linear task needs; add it",
    ),
    (
        ("tasks", "boxes", "dataset"),
        "coco",
        "tasks.boxes.dataset: a detector needs source voc or drawn, 'coco' is coco",
    ),
    (
        ("tasks", "boxes", "resources"),
        {"gpus": 3},
        "tasks.boxes.schedule.images_per_batch: 16 is not a multiple of the 3 processes (resources.gpus); take 15 or 18",
    ),
    (
        ("tasks", "boxes", "schedule"),
        {"decay_iterations": [9, 3]},
        "tasks.boxes.schedule.decay_iterations: [9, 3] must rise; write [3, 9]",
    ),
    (
        ("tasks", "masks", "schedule"),
        {"warmup_iterations": 25000},
        "tasks.masks.schedule.warmup_iterations: 25000 exceeds max_iterations 24000",
    ),
    (
        ("tasks", "masks", "schedule"),
        {"max_long_side_px": 700},
        "tasks.masks.schedule.test_short_side_px: a short side of 800 exceeds max_long_side_px 700",
    ),
    (
        ("datasets", "voc", "parts", "test"),
        [{"devkit": "VOC", "image_set": name} for name in "ab"],
        "tasks.boxes.dataset: 'voc' has 2 test parts",
    ),
    (
        ("tasks", "pixels", "dataset"),
        "coco",
        "tasks.pixels.dataset: a semantic_segmenter needs source ade20k, voc or drawn, 'coco' is coco",
    ),
    (("tasks", "pixels", "dataset"), "voc", None),
    (
        ("datasets", "ade", "parts"),
        {"train": "training"},
        "tasks.pixels.dataset: 'ade' has no split test, which a semantic_segmenter task needs",
    ),
    (("tasks", "pixels", "scales"), [2.0, 0.5], "tasks.pixels.scales: 2 to 0.5 falls; write [0.5, 2]"),
    (
        ("tasks", "pixels", "resources"),
        {"gpus": 2},
        "tasks.pixels.resources.gpus: 2, but a semantic_segmenter task uses one GPU; take 1",
    ),
    (
        ("runs", "theirs", "backbone", "stem"),
        "small",
        "tables.two.rows.0.run: semantic segmenters are fine-tuned from resnet18, resnet34, resnet50, resnet101, resnet152",
    ),
    *TABLE_MISFITS,
    # the study itself
    (("seeds",), [0, 1, 0], "seeds.2: 0 is in the list already; remove it"),
    (("measured_subsets",), ["coco"], "measured_subsets.0: 'coco' is no subset, its source is coco; remove it"),
    (
        ("measured_proposals", "ohms"),
        ["lod", "lod"],
        "measured_proposals.ohms.1: 'lod' is in the list already; remove it",
    ),
    (
        ("measured_proposals", "photos"),
        ["lod"],
        "measured_proposals.photos: 'photos' has no annotated boxes to measure with",
    ),
]
