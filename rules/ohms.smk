# The OHMS subset of a data set with boxes.


rule select_ohms:
    """Keep the pictures that show several classes which are common enough."""
    input:
        annotations=annotations_of_base,
        classes=classes_of_base,
    output:
        images="results/ohms/{dataset}/images.parquet",
        classes="results/ohms/{dataset}/classes.parquet",
        boxes="results/ohms/{dataset}/boxes.parquet",
        summary="results/ohms/{dataset}/summary.json",
    log:
        "logs/select_ohms/{dataset}.log",
    benchmark:
        "benchmarks/jobs/select_ohms/{dataset}.tsv"
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=12000,
        runtime=60,
    params:
        settings=dataset_settings,
        code=code("select_ohms"),
    shell:
        "python -m workflow_scripts.select_ohms"
        " --settings {params.settings:q} --annotations {input.annotations} --classes {input.classes}"
        " --images-out {output.images} --classes-out {output.classes} --boxes-out {output.boxes}"
        " --summary {output.summary} 2>&1 | tee -i {log}"
