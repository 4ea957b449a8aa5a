# Linear evaluation: a layer on the frozen backbone.


rule evaluate_linear:
    """Train a linear layer on the frozen backbone and measure it on the test split."""
    input:
        backbone="results/pretrain/{run}/s{seed}/backbone.safetensors",
        manifest=manifest_of_task,
        annotations=annotations_of_task,
    output:
        result="results/eval/{run}/s{seed}/{task}.json",
    log:
        "logs/evaluate_linear/{run}-s{seed}-{task}.log",
    benchmark:
        "benchmarks/jobs/evaluate_linear/{run}-s{seed}-{task}.tsv"
    wildcard_constraints:
        task=LINEAR_TASKS,
    conda:
        "../envs/torch.yaml"
    threads: cpus_of_task
    resources:
        gpu=gpus_of_task,
        mem_mb=memory_of_task,
        runtime=minutes_of_task,
        data_root=data_root,
    params:
        settings=task_settings,
        code=code("evaluate_linear"),
    shell:
        "python -m workflow_scripts.evaluate_linear"
        " --settings {params.settings:q} --seed {wildcards.seed} --data-root {resources.data_root:q}"
        " --manifest {input.manifest} --annotations {input.annotations} --backbone {input.backbone}"
        " --threads {threads} --gpus {resources.gpu} --out {output.result} 2>&1 | tee -i {log}"
