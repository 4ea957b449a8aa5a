# Proposals, objects and crops in FiftyOne. The export is the result; the App's database is only a cache of it.


rule build_inspection:
    """Put the proposals of a source beside the annotated objects, as a FiftyOne data set without images."""
    input:
        manifest="results/images/{dataset}/manifest.parquet",
        annotations="results/annotations/{dataset}.parquet",
        classes="results/annotations/{dataset}.classes.parquet",
        proposals="results/proposals/{dataset}/{source}.parquet",
        summary="results/proposals/{dataset}/{source}.json",
    output:
        manifest="results/inspect/{dataset}/{source}/fiftyone/manifest.json",
    log:
        "logs/build_inspection/{dataset}-{source}.log",
    benchmark:
        "benchmarks/jobs/build_inspection/{dataset}-{source}.tsv"
    conda:
        "../envs/fiftyone.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
        data_root=data_root,
    params:
        settings=inspection_settings,
        code=code("build_inspection"),
    shell:
        "python -m workflow_scripts.build_inspection"
        " --settings {params.settings:q} --data-root {resources.data_root:q}"
        " --manifest {input.manifest} --annotations {input.annotations} --classes {input.classes}"
        " --proposals {input.proposals} --proposals-summary {input.summary}"
        " --out {output.manifest} 2>&1 | tee -i {log}"


rule inspect:
    """Open the FiftyOne App on the exports, until Ctrl-C."""
    input:
        manifests=PLAN.inspections(),
    log:
        "logs/inspect.log",
    localrule: True
    conda:
        "../envs/fiftyone.yaml"
    resources:
        data_root=data_root,
    shell:
        "python -m workflow_scripts.inspect {input.manifests} --data-root {resources.data_root:q} 2>&1 | tee -i {log}"
