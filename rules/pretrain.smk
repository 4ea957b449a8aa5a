# Backbones: trained without labels or with them, random, or from a file.


rule pretrain:
    """Train the backbone of a run; an interrupted training resumes from its checkpoint."""
    input:
        manifest=manifest_of_run,
        proposals=proposals_of_run,
        annotations=annotations_of_run,
    output:
        backbone="results/pretrain/{run}/s{seed}/backbone.safetensors",
        summary="results/pretrain/{run}/s{seed}/summary.json",
    log:
        "logs/pretrain/{run}-s{seed}.log",
    benchmark:
        "benchmarks/jobs/pretrain/{run}-s{seed}.tsv"
    priority: 50  # runs wait for it
    conda:
        "../envs/torch.yaml"
    threads: cpus_of_run
    resources:
        gpu=gpus_of_run,
        mem_mb=memory_of_run,
        runtime=minutes_of_run,
        data_root=data_root,
        save_every_minutes=keeping_of_run("save_every_minutes"),
        kept_states=keeping_of_run("kept_states"),
        peak_teraflops=keeping_of_run("peak_teraflops"),
    params:
        settings=run_settings,
        code=code("pretrain"),
    shell:
        "python -m workflow_scripts.pretrain"
        " --settings {params.settings:q} --seed {wildcards.seed} --data-root {resources.data_root:q}"
        " --manifest {input.manifest} --proposals {input.proposals} --annotations {input.annotations}"
        " --gpus {resources.gpu} --threads {threads} --save-every-minutes {resources.save_every_minutes}"
        " --kept-states {resources.kept_states} --peak-teraflops {resources.peak_teraflops}"
        " --checkpoints results/pretrain/{wildcards.run}/s{wildcards.seed}/checkpoints"
        " --out {output.backbone} --summary {output.summary} 2>&1 | tee -i {log}"
