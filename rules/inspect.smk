# Proposals, objects and crops in FiftyOne. The export is the result; the App's database is only a cache of it.


rule build_inspection:
    """Put the proposals of a source beside the annotated objects, as a FiftyOne data set without images."""
    input:
        manifest=paths.MANIFEST,
        annotations=paths.ANNOTATIONS,
        classes=paths.CLASSES,
        proposals=paths.PROPOSALS,
        summary=paths.PROPOSALS_SUMMARY,
    output:
        manifest=paths.INSPECTION,
    log:
        "logs/build_inspection/{dataset}-{source}.log",
    benchmark:
        "benchmarks/jobs/build_inspection/{dataset}-{source}.tsv"
    conda:
        "../envs/fiftyone.yaml"
    threads: 1
    resources:
        mem_mb=of(growing, first=3000),
        runtime=of(growing, first=60),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.proposals.inspection_job),
        code=code("build_inspection"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.build_inspection"
        ' --settings "$settings" --data-root {resources.data_root:q}'
        " --manifest {input.manifest} --annotations {input.annotations} --classes {input.classes}"
        " --proposals {input.proposals} --proposals-summary {input.summary}"
        " --out {output.manifest} 2>&1 | tee -i {log}"


rule inspect:
    """Open the FiftyOne App on the exports, until Ctrl-C."""
    input:
        manifests=PLAN.report.inspections(),
    log:
        "logs/inspect.log",
    localrule: True
    conda:
        "../envs/fiftyone.yaml"
    resources:
        data_root=of(PLAN.needs.data_root),
    shell:
        "python -m workflow_scripts.inspect {input.manifests} --data-root {resources.data_root:q} 2>&1 | tee -i {log}"
