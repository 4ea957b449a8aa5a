# Proposals: LOD in five stages, sharded where work grows; searches of each image in two; the other sources in one; and how
# well all of them find objects.


rule extract_features:
    """Take descriptors, region proposals and their features of a shard of images."""
    input:
        index=paths.UNREADABLE,
        manifest=paths.MANIFEST,
        backbone=of(PLAN.trunks.weights),
    output:
        features=paths.FEATURES,
    log:
        "logs/extract_features/{dataset}-{source}-{shard}.log",
    benchmark:
        paths.FEATURES_COST
    wildcard_constraints:
        source=any_of(PLAN.lod.sources()),
    priority: 60  # training waits for it
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=of(PLAN.proposals.gpus),
        mem_mb=of(PLAN.proposals.memory_mb),
        runtime=of(growing, first=240),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.lod.features_job),
        code=code("extract_features"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.extract_features"
        ' --settings "$settings" --data-root {resources.data_root:q} --threads {threads} --gpus {resources.gpu}'
        " --manifest {input.manifest} --backbone {input.backbone} --shard {wildcards.shard}"
        " --out {output.features} 2>&1 | tee -i {log}"


rule find_neighbours:
    """Find the nearest images of every image, and the pairs to score."""
    input:
        index=paths.UNREADABLE,
        features=of(PLAN.lod.features),
    output:
        neighbours=paths.NEIGHBOURS,
    log:
        "logs/find_neighbours/{dataset}-{source}.log",
    benchmark:
        paths.NEIGHBOURS_COST
    wildcard_constraints:
        source=any_of(PLAN.lod.sources()),
    priority: 60  # training waits for it
    conda:
        "../envs/torch.yaml"
    threads: of(PLAN.lod.neighbour_threads)
    resources:
        gpu=of(PLAN.proposals.gpus),
        mem_mb=of(PLAN.proposals.memory_mb),
        runtime=of(growing, first=1440),
    params:
        settings=of(PLAN.lod.job, stage="neighbours"),
        code=code("find_neighbours"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.find_neighbours"
        ' --settings "$settings" --features {input.features} --gpus {resources.gpu}'
        " --out {output.neighbours} 2>&1 | tee -i {log}"


rule score_pairs:
    """Match the regions of a shard of image pairs."""
    input:
        index=paths.UNREADABLE,
        neighbours=paths.NEIGHBOURS,  # stands for all features: 512 inputs of each of 512 jobs would take minutes to plan
    output:
        scores=paths.SCORES,
    log:
        "logs/score_pairs/{dataset}-{source}-{shard}.log",
    benchmark:
        paths.SCORES_COST
    wildcard_constraints:
        source=any_of(PLAN.lod.sources()),
    priority: 60  # training waits for it
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=of(PLAN.proposals.memory_mb),
        runtime=of(growing, first=720),
        features=of(PLAN.lod.feature_list),
    params:
        settings=of(PLAN.lod.job, stage="scores"),
        code=code("score_pairs"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.score_pairs"
        ' --settings "$settings" --features {resources.features} --neighbours {input.neighbours}'
        " --shard {wildcards.shard} --out {output.scores} 2>&1 | tee -i {log}"


rule rank_regions:
    """Rank all regions of all images in the graph of their scores; an interrupted ranking resumes from its state."""
    input:
        index=paths.UNREADABLE,
        features=of(PLAN.lod.features),
        scores=of(PLAN.lod.scores),
    output:
        ranking=paths.RANKING,
    log:
        "logs/rank_regions/{dataset}-{source}.log",
    benchmark:
        paths.RANKING_COST
    wildcard_constraints:
        source=any_of(PLAN.lod.sources()),
    priority: 60  # training waits for it
    conda:
        "../envs/torch.yaml"
    threads: of(PLAN.lod.ranking_processes)
    resources:
        mem_mb=of(PLAN.lod.ranking_memory_mb),
        runtime=of(growing, first=240),
        state=of(PLAN.lod.ranking_state),
    params:
        settings=of(PLAN.lod.job, stage="ranking"),
        code=code("rank_regions"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.rank_regions"
        ' --settings "$settings" --features {input.features} --scores {input.scores}'
        " --processes {threads} --state {resources.state:q} --code {params.code}"
        " --out {output.ranking} 2>&1 | tee -i {log}"


rule select_proposals:
    """Select the best regions of every image."""
    input:
        index=paths.UNREADABLE,
        manifest=paths.MANIFEST,
        features=of(PLAN.lod.features),
        ranking=of(PLAN.lod.ranking),
        run_summary=of(PLAN.trunks.run_summary),
    output:
        table=paths.PROPOSALS,
        summary=paths.PROPOSALS_SUMMARY,
    log:
        "logs/select_proposals/{dataset}-{source}.log",
    benchmark:
        paths.SELECTION_COST
    wildcard_constraints:
        source=any_of(PLAN.lod.ranked_sources()),
    priority: 60  # training waits for it
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=of(PLAN.proposals.memory_mb),
        runtime=of(growing, first=60),
    params:
        settings=of(PLAN.lod.selection_job),
        code=code("select_proposals"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.select_proposals"
        ' --settings "$settings" --manifest {input.manifest} --features {input.features}'
        " --ranking {input.ranking} --run-summary {input.run_summary}"
        " --out {output.table} --summary {output.summary} 2>&1 | tee -i {log}"


rule search_boxes:
    """Search a shard of images for objects, each image by itself."""
    input:
        index=paths.UNREADABLE,
        manifest=paths.MANIFEST,
        files=of(PLAN.trunks.files),
        backbone=of(PLAN.trunks.weights),
    output:
        table=paths.SEARCHED_BOXES,
    log:
        "logs/search_boxes/{dataset}-{source}-{shard}.log",
    benchmark:
        paths.SEARCH_COST
    wildcard_constraints:
        source=any_of(PLAN.proposals.searched_sources()),
    priority: 60  # training waits for it
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=of(PLAN.proposals.gpus),
        mem_mb=of(PLAN.proposals.memory_mb),
        runtime=of(growing, first=720),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.proposals.job),
        code=code("search_boxes"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.search_boxes"
        ' --settings "$settings" --data-root {resources.data_root:q} --threads {threads} --gpus {resources.gpu}'
        " --manifest {input.manifest} --backbone {input.backbone} --shard {wildcards.shard}"
        " --out {output.table} 2>&1 | tee -i {log}"


rule join_proposals:
    """Join the shards of a searched source."""
    input:
        index=paths.UNREADABLE,
        manifest=paths.MANIFEST,
        shards=of(PLAN.proposals.searched_shards),
        run_summary=of(PLAN.trunks.run_summary),
    output:
        table=paths.PROPOSALS,
        summary=paths.PROPOSALS_SUMMARY,
    log:
        "logs/join_proposals/{dataset}-{source}.log",
    benchmark:
        paths.JOIN_COST
    wildcard_constraints:
        source=any_of(PLAN.proposals.searched_sources()),
    priority: 60  # training waits for it
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=of(PLAN.proposals.memory_mb),
        runtime=of(growing, first=60),
    params:
        settings=of(PLAN.proposals.job),
        code=code("join_proposals"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.join_proposals"
        ' --settings "$settings" --manifest {input.manifest} --shards {input.shards}'
        " --run-summary {input.run_summary}"
        " --out {output.table} --summary {output.summary} 2>&1 | tee -i {log}"


rule make_proposals:
    """Make proposals that read no image: annotated boxes, a grid, random places, the centre, a file."""
    input:
        index=paths.UNREADABLE,
        manifest=paths.MANIFEST,
        annotations=of(PLAN.proposals.annotations),
        sizes=of(PLAN.proposals.sizes),
        files=of(PLAN.trunks.files),
    output:
        table=paths.PROPOSALS,
        summary=paths.PROPOSALS_SUMMARY,
    log:
        "logs/make_proposals/{dataset}-{source}.log",
    benchmark:
        paths.MAKING_COST
    wildcard_constraints:
        source=any_of(PLAN.proposals.other_sources()),
    priority: 60  # training waits for it
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=of(PLAN.proposals.memory_mb),
        runtime=of(growing, first=60),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.proposals.job),
        code=code("make_proposals"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.make_proposals"
        ' --settings "$settings" --manifest {input.manifest}'
        " --annotations {input.annotations} --sizes-of {input.sizes} --data-root {resources.data_root:q}"
        " --out {output.table} --summary {output.summary} 2>&1 | tee -i {log}"


rule measure_proposals:
    """Measure how well proposals find the annotated objects."""
    input:
        index=paths.UNREADABLE,
        manifest=paths.MANIFEST,
        annotations=paths.ANNOTATIONS,
        table=paths.PROPOSALS,
        costs=of(PLAN.proposals.costs),
    output:
        quality=paths.QUALITY,
    log:
        "logs/measure_proposals/{dataset}-{source}.log",
    benchmark:
        "benchmarks/jobs/measure_proposals/{dataset}-{source}.tsv"
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=of(PLAN.proposals.memory_mb),
        runtime=of(growing, first=60),
    params:
        code=code("measure_proposals"),
    shell:
        "python -m workflow_scripts.measure_proposals"
        " --manifest {input.manifest} --annotations {input.annotations} --proposals {input.table}"
        " --costs {input.costs} --out {output.quality} 2>&1 | tee -i {log}"
