# Data sets: drawn, indexed and read. Pictures are never outputs; their manifest is.


rule draw_scenes:
    """Draw the scenes of a drawn data set under the data root, with boxes and masks."""
    output:
        summary="results/drawn/{dataset}.json",
    log:
        "logs/draw_scenes/{dataset}.log",
    benchmark:
        "benchmarks/jobs/draw_scenes/{dataset}.tsv"
    conda:
        "../envs/base.yaml"
    threads: 4
    resources:
        mem_mb=2000,
        runtime=60,
        data_root=data_root,
    params:
        settings=dataset_settings,
        code=code("draw_scenes"),
    shell:
        "python -m workflow_scripts.draw_scenes"
        " --settings {params.settings:q} --data-root {resources.data_root:q} --threads {threads}"
        " --out {output.summary} 2>&1 | tee -i {log}"


rule index_images:
    """Open every picture once: sizes, and a list of those that cannot be read."""
    input:
        raw=raw_files_of,
        subset=subset_images_of,
        parts=part_manifests_of,
    output:
        manifest="results/images/{dataset}/manifest.parquet",
        unreadable="results/images/{dataset}/unreadable.json",
    log:
        "logs/index_images/{dataset}.log",
    benchmark:
        "benchmarks/jobs/index_images/{dataset}.tsv"
    conda:
        "../envs/base.yaml"
    threads: 16
    resources:
        mem_mb=6000,
        runtime=600,
        data_root=data_root,
    params:
        settings=dataset_settings,
        code=code("index_images"),
    shell:
        "python -m workflow_scripts.index_images"
        " --settings {params.settings:q} --data-root {resources.data_root:q} --threads {threads}"
        " --subset-images {input.subset} --parts {input.parts}"
        " --out {output.manifest} --unreadable {output.unreadable} 2>&1 | tee -i {log}"


rule read_annotations:
    """Read boxes and classes from whatever layout the data set has."""
    input:
        raw=raw_files_of,
        boxes=subset_boxes_of,
        boxes_classes=subset_classes_of,
        parts=part_annotations_of,
        part_classes=part_classes_of,
    output:
        annotations="results/annotations/{dataset}.parquet",
        classes="results/annotations/{dataset}.classes.parquet",
    log:
        "logs/read_annotations/{dataset}.log",
    benchmark:
        "benchmarks/jobs/read_annotations/{dataset}.tsv"
    conda:
        "../envs/base.yaml"
    threads: 2
    resources:
        mem_mb=12000,
        runtime=60,
        data_root=data_root,
    params:
        settings=dataset_settings,
        code=code("read_annotations"),
    shell:
        "python -m workflow_scripts.read_annotations"
        " --settings {params.settings:q} --data-root {resources.data_root:q}"
        " --boxes {input.boxes} --boxes-classes {input.boxes_classes}"
        " --parts {input.parts} --part-classes {input.part_classes}"
        " --out {output.annotations} --classes {output.classes} 2>&1 | tee -i {log}"
