# Linear evaluation: a layer on the frozen backbone.


rule evaluate_linear:
    """Train a linear layer on the frozen backbone and measure it on the test split; an interrupted one resumes."""
    input:
        backbone=paths.BACKBONE,
        manifest=of(PLAN.results.manifest),
        annotations=of(PLAN.results.annotations),
    output:
        result=paths.RESULT,
        scores=paths.RESULT_SCORES,
    log:
        "logs/evaluate_linear/{run}-s{seed}-{task}.log",
    benchmark:
        "benchmarks/jobs/evaluate_linear/{run}-s{seed}-{task}.tsv"
    wildcard_constraints:
        task=any_of(PLAN.results.tasks_of("linear")),
    conda:
        "../envs/torch.yaml"
    threads: of(PLAN.results.resource, name="cpus")
    resources:
        gpu=of(PLAN.results.resource, name="gpus"),
        mem_mb=of(PLAN.results.memory_mb),
        runtime=of(PLAN.results.resource, name="minutes"),
        data_root=of(PLAN.needs.data_root),
        checkpoints=of(PLAN.results.checkpoints),
        save_every_minutes=of(PLAN.results.resource, name="save_every_minutes"),
    params:
        settings=of(PLAN.results.job),
        code=code("evaluate_linear"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.evaluate_linear"
        ' --settings "$settings" --seed {wildcards.seed} --data-root {resources.data_root:q}'
        " --manifest {input.manifest} --annotations {input.annotations} --backbone {input.backbone}"
        " --threads {threads} --gpus {resources.gpu} --save-every-minutes {resources.save_every_minutes}"
        " --checkpoints {resources.checkpoints:q} --code {params.code}"
        " --out {output.result} --scores {output.scores} 2>&1 | tee -i {log}"
