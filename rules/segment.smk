# Semantic segmentation: DeepLabv3 on a run's trunk, trained end to end.


rule segment:
    """Fine-tune DeepLabv3 on class maps of ADE20K, VOC or drawn scenes, and measure it; an interrupted one resumes."""
    input:
        backbone=paths.BACKBONE,
        manifest=of(PLAN.results.manifest),  # wrong sizes and damaged images stop before training
        raw=of(PLAN.results.raw),
    output:
        result=paths.RESULT,
    log:
        "logs/segment/{run}-s{seed}-{task}.log",
    benchmark:
        "benchmarks/jobs/segment/{run}-s{seed}-{task}.tsv"
    wildcard_constraints:
        task=any_of(PLAN.results.tasks_of("semantic_segmenter")),
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
        code=code("segment"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.segment"
        ' --settings "$settings" --seed {wildcards.seed} --data-root {resources.data_root:q}'
        " --backbone {input.backbone} --manifest {input.manifest} --gpus {resources.gpu} --threads {threads}"
        " --checkpoints {resources.checkpoints:q} --code {params.code}"
        " --save-every-minutes {resources.save_every_minutes}"
        " --out {output.result} 2>&1 | tee -i {log}"
