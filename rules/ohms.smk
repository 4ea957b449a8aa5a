# Subsets of a data set with boxes: by the rules of OHMS, or as the authors released them; and what their objects are like.


rule select_ohms:
    """Keep the images that show several classes which are common enough."""
    input:
        annotations=of(PLAN.images.base_annotations),
        classes=of(PLAN.images.base_classes),
    output:
        images=paths.SUBSET_IMAGES,
        classes=paths.SUBSET_CLASSES,
        boxes=paths.SUBSET_BOXES,
        summary=paths.SUBSET_SUMMARY,
    log:
        "logs/select_ohms/{dataset}.log",
    benchmark:
        "benchmarks/jobs/select_ohms/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(PLAN.images.selected_subsets()),
    priority: 60  # training and proposals wait for it
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=of(growing, first=4000),
        runtime=of(growing, first=60),
    params:
        settings=of(PLAN.images.dataset_job),
        code=code("select_ohms"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.select_ohms"
        ' --settings "$settings" --annotations {input.annotations} --classes {input.classes}'
        " --images-out {output.images} --classes-out {output.classes} --boxes-out {output.boxes}"
        " --summary {output.summary} 2>&1 | tee -i {log}"


rule convert_released_dicts:
    """Convert the authors' released lists once into the tables of a subset."""
    input:
        lists=of(PLAN.images.raw_files),
        classes=of(PLAN.images.base_classes),
    output:
        images=paths.SUBSET_IMAGES,
        classes=paths.SUBSET_CLASSES,
        boxes=paths.SUBSET_BOXES,
        summary=paths.SUBSET_SUMMARY,
    log:
        "logs/convert_released_dicts/{dataset}.log",
    benchmark:
        "benchmarks/jobs/convert_released_dicts/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(PLAN.images.released_subsets()),
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=of(growing, first=12000),
        runtime=of(growing, first=60),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.images.dataset_job),
        code=code("convert_released_dicts"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.convert_released_dicts"
        ' --settings "$settings" --data-root {resources.data_root:q} --classes {input.classes}'
        " --images-out {output.images} --classes-out {output.classes} --boxes-out {output.boxes}"
        " --summary {output.summary} 2>&1 | tee -i {log}"


rule measure_subset:
    """Measure the objects of a subset and of the data set selected from: how many, how large, where."""
    input:
        boxes=paths.SUBSET_BOXES,
        classes=paths.SUBSET_CLASSES,
        base_boxes=of(PLAN.images.base_annotations),
    output:
        statistics=paths.SUBSET_STATISTICS,
        class_statistics=paths.CLASS_STATISTICS,
    log:
        "logs/measure_subset/{dataset}.log",
    benchmark:
        "benchmarks/jobs/measure_subset/{dataset}.tsv"
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=of(growing, first=4000),
        runtime=of(growing, first=30),
    params:
        settings=of(PLAN.images.dataset_job),
        code=code("measure_subset"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.measure_subset"
        ' --settings "$settings" --boxes {input.boxes} --classes {input.classes}'
        " --base-boxes {input.base_boxes} --statistics {output.statistics}"
        " --class-statistics {output.class_statistics} 2>&1 | tee -i {log}"
