# Transfer to detection and segmentation through Detectron2.


rule export_backbone:
    """Write a run's weights in Detectron2's names."""
    input:
        backbone="results/pretrain/{run}/s{seed}/backbone.safetensors",
    output:
        weights="results/export/{run}/s{seed}/backbone_d2.pkl",
    log:
        "logs/export_backbone/{run}-s{seed}.log",
    conda:
        "../envs/torch.yaml"
    params:
        code=code("export_backbone"),
    shell:
        "python -m workflow_scripts.export_backbone --backbone {input.backbone}"
        " --out {output.weights} 2>&1 | tee -i {log}"


rule finetune_detector:
    """Fine-tune Faster R-CNN C4 on a VOC devkit and measure it; an interrupted one resumes."""
    input:
        weights="results/export/{run}/s{seed}/backbone_d2.pkl",
        raw=raw_files_of_task,
    output:
        result="results/eval/{run}/s{seed}/{task}.json",
    log:
        "logs/finetune_detector/{run}-s{seed}-{task}.log",
    benchmark:
        "benchmarks/jobs/finetune_detector/{run}-s{seed}-{task}.tsv"
    wildcard_constraints:
        task=DETECTOR_TASKS,
    conda:
        "../envs/detectron2.yaml"
    threads: cpus_of_task
    resources:
        gpu=gpus_of_task,
        mem_mb=memory_of_task,
        runtime=minutes_of_task,
        data_root=data_root,
    params:
        settings=task_settings,
        code=code("finetune_detector"),
    shell:
        "python -m workflow_scripts.finetune_detector"
        " --settings {params.settings:q} --seed {wildcards.seed} --data-root {resources.data_root:q}"
        " --weights {input.weights} --gpus {resources.gpu} --threads {threads}"
        " --checkpoints results/eval/{wildcards.run}/s{wildcards.seed}/{wildcards.task}.checkpoints"
        " --out {output.result} 2>&1 | tee -i {log}"


rule finetune_segmenter:
    """Fine-tune Mask R-CNN FPN on COCO layout and measure it; an interrupted one resumes."""
    input:
        weights="results/export/{run}/s{seed}/backbone_d2.pkl",
        raw=raw_files_of_task,
    output:
        result="results/eval/{run}/s{seed}/{task}.json",
    log:
        "logs/finetune_segmenter/{run}-s{seed}-{task}.log",
    benchmark:
        "benchmarks/jobs/finetune_segmenter/{run}-s{seed}-{task}.tsv"
    wildcard_constraints:
        task=SEGMENTER_TASKS,
    conda:
        "../envs/detectron2.yaml"
    threads: cpus_of_task
    resources:
        gpu=gpus_of_task,
        mem_mb=memory_of_task,
        runtime=minutes_of_task,
        data_root=data_root,
    params:
        settings=task_settings,
        code=code("finetune_segmenter"),
    shell:
        "python -m workflow_scripts.finetune_segmenter"
        " --settings {params.settings:q} --seed {wildcards.seed} --data-root {resources.data_root:q}"
        " --weights {input.weights} --gpus {resources.gpu} --threads {threads}"
        " --checkpoints results/eval/{wildcards.run}/s{wildcards.seed}/{wildcards.task}.checkpoints"
        " --out {output.result} 2>&1 | tee -i {log}"
