# Data sets: drawn, downloaded, indexed and read. Pictures are never outputs; their manifest is.


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


rule download_metadata:
    """Fetch the box CSVs and the class descriptions of Open Images into the data root."""
    output:
        record="results/downloads/{dataset}/metadata.json",
    log:
        "logs/download_metadata/{dataset}.log",
    benchmark:
        "benchmarks/jobs/download_metadata/{dataset}.tsv"
    wildcard_constraints:
        dataset=DOWNLOADED,
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=240,
        data_root=data_root,
        transfer=transfer,
    params:
        settings=download_settings,
        code=code("download_metadata"),
    shell:
        "python -m workflow_scripts.download_metadata"
        " --settings {params.settings:q} --transfer {resources.transfer:q}"
        " --data-root {resources.data_root:q}"
        " --out {output.record} 2>&1 | tee -i {log}"


rule fetch_images:
    """Fetch a shard of the images that a data set needs into the data root."""
    input:
        subset=subset_images_of,
        annotations=annotations_to_index_of,
    output:
        report="results/downloads/{dataset}/images/{shard}.json",
    log:
        "logs/fetch_images/{dataset}-{shard}.log",
    benchmark:
        "benchmarks/jobs/fetch_images/{dataset}-{shard}.tsv"
    wildcard_constraints:
        dataset=FETCHED,
    conda:
        "../envs/base.yaml"
    threads: 2
    resources:
        mem_mb=3000,
        runtime=1440,
        data_root=data_root,
        transfer=transfer,
    params:
        settings=fetch_settings,
        code=code("fetch_images"),
    shell:
        "python -m workflow_scripts.fetch_images"
        " --settings {params.settings:q} --transfer {resources.transfer:q}"
        " --data-root {resources.data_root:q}"
        " --subset-images {input.subset} --annotations {input.annotations}"
        " --shard {wildcards.shard} --out {output.report} 2>&1 | tee -i {log}"


rule index_images:
    """Open every image once: sizes, and a list of those that cannot be read."""
    input:
        raw=files_to_index_of,
        subset=subset_images_of,
        annotations=annotations_to_index_of,
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
        settings=index_settings,
        code=code("index_images"),
    shell:
        "python -m workflow_scripts.index_images"
        " --settings {params.settings:q} --data-root {resources.data_root:q} --threads {threads}"
        " --subset-images {input.subset} --annotations {input.annotations} --parts {input.parts}"
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
        mem_mb=4000,
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
