# Data sets: drawn, downloaded, indexed and read. Images are never outputs; their manifest is.


rule draw_scenes:
    """Draw the scenes of a drawn data set under the data root, with boxes and masks."""
    output:
        summary=paths.DRAWING,
    log:
        "logs/draw_scenes/{dataset}.log",
    benchmark:
        "benchmarks/jobs/draw_scenes/{dataset}.tsv"
    priority: 60  # training and proposals wait for it
    conda:
        "../envs/base.yaml"
    threads: of(PLAN.images.cores)
    resources:
        mem_mb=of(growing, first=2000),
        runtime=of(growing, first=60),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.images.dataset_job),
        code=code("draw_scenes"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.draw_scenes"
        ' --settings "$settings" --data-root {resources.data_root:q} --threads {threads}'
        " --out {output.summary} 2>&1 | tee -i {log}"


rule download_metadata:
    """Fetch the box CSVs and the class descriptions of Open Images into the data root."""
    output:
        record=paths.METADATA,
    log:
        "logs/download_metadata/{dataset}.log",
    benchmark:
        "benchmarks/jobs/download_metadata/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(PLAN.downloads.with_metadata()),
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=of(growing, first=1000),
        runtime=of(growing, first=240),
        data_root=of(PLAN.needs.data_root),
        transfer=of(PLAN.downloads.transfer),
    params:
        settings=of(PLAN.downloads.metadata_job),
        code=code("download_metadata"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.download_metadata"
        ' --settings "$settings" --transfer {resources.transfer:q}'
        " --data-root {resources.data_root:q}"
        " --out {output.record} 2>&1 | tee -i {log}"


rule fetch_images:
    """Fetch a shard of the images that a data set needs into the data root."""
    input:
        unpack(of(PLAN.images.fetch_inputs)),
    output:
        report=paths.FETCHED_IMAGES,
    log:
        "logs/fetch_images/{dataset}-{shard}.log",
    benchmark:
        "benchmarks/jobs/fetch_images/{dataset}-{shard}.tsv"
    wildcard_constraints:
        dataset=any_of(PLAN.downloads.with_images()),
    conda:
        "../envs/base.yaml"
    threads: 2
    resources:
        mem_mb=of(growing, first=3000),
        runtime=of(growing, first=1440),
        data_root=of(PLAN.needs.data_root),
        transfer=of(PLAN.downloads.transfer),
    params:
        settings=of(PLAN.downloads.image_job),
        code=code("fetch_images"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.fetch_images"
        ' --settings "$settings" --transfer {resources.transfer:q}'
        " --data-root {resources.data_root:q}"
        " --subset-images {input.subset} --annotations {input.annotations}"
        " --shard {wildcards.shard} --out {output.report} 2>&1 | tee -i {log}"


rule prepare_images:
    """Write smaller copies of the images of another data set under the data root, and their manifest."""
    input:
        manifest=of(PLAN.images.copied_manifest),
        changed=[paths.CHANGED_IMAGES, paths.CHANGED_ANNOTATIONS],
    output:
        manifest=paths.MANIFEST,
        unreadable=paths.UNREADABLE,
        files=paths.IMAGE_FILES,
    log:
        "logs/prepare_images/{dataset}.log",
    benchmark:
        "benchmarks/jobs/prepare_images/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(PLAN.images.prepared()),
    priority: 60  # training and proposals wait for it
    conda:
        "../envs/base.yaml"
    threads: of(PLAN.images.cores)
    resources:
        mem_mb=of(growing, first=6000),
        runtime=of(growing, first=1440),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.images.prepare_job),
        code=code("prepare_images"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.prepare_images"
        ' --settings "$settings" --data-root {resources.data_root:q} --threads {threads}'
        " --manifest {input.manifest} --out {output.manifest} --files {output.files}"
        " --unreadable {output.unreadable} 2>&1 | tee -i {log}"


rule index_images:
    """Open every image once: sizes, and a list of those that cannot be read."""
    input:
        unpack(of(PLAN.images.index_inputs)),
        changed=[paths.CHANGED_IMAGES, paths.CHANGED_ANNOTATIONS],
    output:
        manifest=paths.MANIFEST,
        unreadable=paths.UNREADABLE,
        files=paths.IMAGE_FILES,
    log:
        "logs/index_images/{dataset}.log",
    benchmark:
        "benchmarks/jobs/index_images/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(PLAN.images.indexed()),
    priority: 60  # training and proposals wait for it
    conda:
        "../envs/base.yaml"
    threads: of(PLAN.images.cores)
    resources:
        mem_mb=of(growing, first=6000),
        runtime=of(growing, first=600),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.images.index_job),
        code=code("index_images"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.index_images"
        ' --settings "$settings" --data-root {resources.data_root:q} --threads {threads}'
        " --subset-images {input.subset} --annotations {input.annotations} --parts {input.parts}"
        " --part-files {input.part_files} --out {output.manifest} --files {output.files}"
        " --unreadable {output.unreadable} 2>&1 | tee -i {log}"


rule read_annotations:
    """Read boxes and classes from whatever layout the data set has."""
    input:
        unpack(of(PLAN.images.annotation_inputs)),
        changed=paths.CHANGED_ANNOTATIONS,
    output:
        annotations=paths.ANNOTATIONS,
        classes=paths.CLASSES,
    log:
        "logs/read_annotations/{dataset}.log",
    benchmark:
        "benchmarks/jobs/read_annotations/{dataset}.tsv"
    priority: 60  # training and proposals wait for it
    conda:
        "../envs/base.yaml"
    threads: 2
    resources:
        mem_mb=of(growing, first=4000),
        runtime=of(growing, first=60),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.images.dataset_job),
        code=code("read_annotations"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.read_annotations"
        ' --settings "$settings" --data-root {resources.data_root:q}'
        " --boxes {input.boxes} --boxes-classes {input.boxes_classes}"
        " --parts {input.parts} --part-classes {input.part_classes}"
        " --out {output.annotations} --classes {output.classes} 2>&1 | tee -i {log}"
