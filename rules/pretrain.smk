# Backbones: trained without labels or with them, random, or from a file.


rule pretrain:
    """Train the backbone of a run; an interrupted training resumes from its checkpoint."""
    input:
        manifest=of(PLAN.runs.manifest),
        proposals=of(PLAN.runs.proposals),
        annotations=of(PLAN.runs.annotations),
        weights=of(PLAN.runs.weights),
    output:
        backbone=paths.BACKBONE,
        summary=paths.RUN_SUMMARY,
    log:
        "logs/pretrain/{run}-s{seed}.log",
    benchmark:
        "benchmarks/jobs/pretrain/{run}-s{seed}.tsv"
    priority: 50  # runs wait for it
    conda:
        "../envs/torch.yaml"
    threads: of(PLAN.runs.resource, name="cpus")
    resources:
        gpu=of(PLAN.runs.resource, name="gpus"),
        mem_mb=of(PLAN.runs.memory_mb),
        runtime=of(PLAN.runs.resource, name="minutes"),
        nodes=of(PLAN.runs.resource, name="nodes"),
        tasks=of(PLAN.runs.tasks),
        mpi=of(PLAN.runs.launcher),
        data_root=of(PLAN.needs.data_root),
        checkpoints=of(PLAN.runs.checkpoints),
        save_every_minutes=of(PLAN.runs.resource, name="save_every_minutes"),
        kept_states=of(PLAN.runs.resource, name="kept_states"),
        peak_teraflops=of(PLAN.runs.resource, name="peak_teraflops"),
        compile_on=of(PLAN.runs.resource, name="compile_on"),
    params:
        settings=of(PLAN.runs.job),
        code=code("pretrain"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.pretrain"
        ' --settings "$settings" --seed {wildcards.seed} --data-root {resources.data_root:q}'
        " --manifest {input.manifest} --proposals {input.proposals} --annotations {input.annotations} --weights {input.weights}"
        " --gpus {resources.gpu} --nodes {resources.nodes} --threads {threads} --save-every-minutes {resources.save_every_minutes}"
        " --kept-states {resources.kept_states} --peak-teraflops {resources.peak_teraflops}"
        " --compile-on {resources.compile_on}"
        " --checkpoints {resources.checkpoints:q} --code {params.code}"
        " --out {output.backbone} --summary {output.summary} 2>&1 | tee -i {log}"
