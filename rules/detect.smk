# Transfer to detection and segmentation through Detectron2.


rule export_backbone:
    """Write a run's weights in Detectron2's names."""
    input:
        backbone=paths.BACKBONE,
    output:
        weights=paths.EXPORTED_BACKBONE,
    log:
        "logs/export_backbone/{run}-s{seed}.log",
    conda:
        "../envs/torch.yaml"
    params:
        code=code("export_backbone"),
    shell:
        "python -m workflow_scripts.export_backbone --backbone {input.backbone}"
        " --out {output.weights} 2>&1 | tee -i {log}"


rule fine_tune:
    """Fine-tune Faster R-CNN C4 on a VOC devkit or Mask R-CNN FPN on COCO layout, and measure it; an interrupted one resumes."""
    input:
        weights=paths.EXPORTED_BACKBONE,
        manifest=of(PLAN.results.manifest),  # wrong sizes and damaged images stop before training
        raw=of(PLAN.results.raw),
    output:
        result=paths.RESULT,
        predictions=report(
            paths.PREDICTIONS,
            category="Predictions",
            caption="report/predictions.rst",
            labels={"run": "{run}", "task": "{task}", "seed": "{seed}"},
        ),
    log:
        "logs/fine_tune/{run}-s{seed}-{task}.log",
    benchmark:
        "benchmarks/jobs/fine_tune/{run}-s{seed}-{task}.tsv"
    wildcard_constraints:
        task=any_of(PLAN.results.tasks_of("detector", "segmenter")),
    conda:
        "../envs/detectron2.yaml"
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
        code=code("fine_tune"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.fine_tune"
        ' --settings "$settings" --seed {wildcards.seed} --data-root {resources.data_root:q}'
        " --weights {input.weights} --manifest {input.manifest} --gpus {resources.gpu} --threads {threads}"
        " --checkpoints {resources.checkpoints:q} --code {params.code}"
        " --save-every-minutes {resources.save_every_minutes}"
        " --out {output.result} --predictions {output.predictions} 2>&1 | tee -i {log}"
