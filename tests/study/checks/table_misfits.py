"""Misfits of tables and of names for several of them."""

TABLE_MISFITS = [
    (
        ("tables", "one", "columns", 0, "metric"),
        "mAP",
        "tables.one.columns.0.metric: linear task 'linear' has no metric 'mAP'; did you mean 'map'?",
    ),
    (
        ("tables", "two", "columns", 0, "metric"),
        "mask_AP",
        "tables.two.columns.0.metric: detector task 'boxes' has no metric 'mask_AP'; there are: AP, AP50, AP75",
    ),
    (
        ("tables", "one", "columns", 1, "metric"),
        "map",
        "tables.one.columns.1: 'map' of task 'linear' is a column already; remove it",
    ),
    (
        ("tables", "one", "rows", 1),
        {"label": "random", "run": "random-init"},
        "tables.one.rows.1: 'random' is a row already; remove it",
    ),
    (
        ("tables", "one", "rows", 2),
        {"label": "nothing"},
        "tables.one.rows.2: 'nothing' needs a run or a paper_row; give one",
    ),
    (
        ("tables", "one", "class_figure"),
        "linearr",
        "tables.one.class_figure: no column is of a linear task of images 'linearr'; did you mean 'linear'?",
    ),
    (
        ("tables", "two", "class_figure"),
        "boxes",
        "tables.two.class_figure: no column is of a linear task of images 'boxes'; there are none",
    ),
    (
        ("tables", "one", "paper_table"),
        "T44",
        "tables.one.paper_table: the paper has no table 'T44'; did you mean 'T4'?",
    ),
    (
        ("tables", "one", "rows", 1, "paper_row"),
        "Supervisd",
        "tables.one.rows.1.paper_row: the paper's table T4 has no row 'Supervisd'; did you mean",
    ),
    (
        ("tables", "one", "columns", 0, "paper_metric"),
        "OHMS_map",
        "tables.one.columns.0.paper_metric: the paper's table T4 has no metric 'OHMS_map'; did you mean 'OHMS_mAP'?",
    ),
    (
        ("tables", "one", "rows", 2, "difference"),
        {"of": ["supervised"], "minus": ["random"]},
        "tables.one.rows.2.difference: the row is computed from others, it has no run and no proposals of its own",
    ),
    (
        ("tables", "one", "rows", 2),
        {"label": "gain", "difference": {"of": ["supervised"], "minus": ["randm"]}},
        "tables.one.rows.2.difference.minus.0: the table has no row 'randm' with values of its own; did you mean 'random'?",
    ),
    (
        ("tables", "one", "rows", 2),
        {"label": "gain", "difference": {"of": ["gain"], "minus": ["random"]}},
        "tables.one.rows.2.difference.of.0: the table has no row 'gain' with values of its own",
    ),
    (
        ("tables", "one", "rows", 2),
        {"label": "gain", "difference": {"of": ["supervised"], "minus": ["random"]}},
        None,
    ),
    (
        ("tables", "one", "rows", 2, "runs"),
        {"boxes": "objects"},
        "tables.one.rows.2.runs.boxes: no column is of task 'boxes'; there are: linear",
    ),
    (
        ("tables", "one", "rows", 2, "runs"),
        {"linear": "scen"},
        "tables.one.rows.2.runs.linear: there is no run 'scen'; did you mean 'scene'?",
    ),
    (
        ("tables", "one", "rows", 2, "tasks"),
        {"linear": "boxes"},
        "tables.one.rows.2.tasks.linear: detector task 'boxes' has no metric 'map'",
    ),
    (
        ("tables", "one", "rows", 2, "tasks"),
        {"linear": "liner"},
        "tables.one.rows.2.tasks.linear: there is no task 'liner'; did you mean 'linear'?",
    ),
    (
        ("tables", "one", "rows", 2, "proposals"),
        {"dataset": "coco", "source": "gt"},
        "tables.one.rows.2.proposals: are measured in columns without a task, and the table has none",
    ),
    (
        ("tables", "two"),
        {
            "title": "Boxes",
            "columns": [{"metric": "mean_area", "label": "area"}],
            "rows": [{"label": "gt", "proposals": {"dataset": "coco", "source": "gt"}}],
        },
        "tables.two.columns.0.metric: the summary of proposals has no number 'mean_area'; did you mean 'mean_area_share'?",
    ),
    (
        ("tables", "two", "columns"),
        [{"metric": "mIoU", "label": "quoted"}],
        "tables.two.rows.0.run: no column has a task that judges it; give one, or leave the run out",
    ),
    (
        ("tables", "one", "rows", 1, "paper_table"),
        "T9",
        "tables.one.rows.1.paper_table: the paper has no table 'T9'; there are: T1, T2",
    ),
    (
        ("tables", "one", "rows", 1, "paper_metric"),
        "mAP",
        "tables.one.rows.1.paper_metric: the paper's table T4 has no metric 'mAP'; there are: OHMS_mAP",
    ),
    (("targets",), {"one": ["two"]}, "targets.one: the name is taken by a run, a table or a target; take another"),
    (("targets",), {"both": ["too"]}, "targets.both.0: there is no table 'too'; did you mean 'two'?"),
    (
        ("runs", "theirs", "backbone", "arch"),
        "resnet101",
        "tables.two.rows.0.run: detectors are fine-tuned from resnet18 and resnet50",
    ),
    (
        ("runs", "theirs", "backbone", "width"),
        0.1,
        "tables.two.rows.0.run: in Detectron2 every stage has twice the channels of the one before, not so at width 0.1",
    ),
]
