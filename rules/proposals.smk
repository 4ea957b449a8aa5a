# Proposals: LOD in five stages, sharded where work grows; searches of each image in two; the other sources in one; and how
# well all of them find objects.


rule extract_features:
    """Take descriptors, region proposals and their features of a shard of images."""
    input:
        index="results/images/{dataset}/unreadable.json",
        manifest="results/images/{dataset}/manifest.parquet",
        backbone=features_backbone_of,
    output:
        features="results/lod/{dataset}/{source}/features/{shard}.npz",
    log:
        "logs/extract_features/{dataset}-{source}-{shard}.log",
    benchmark:
        "benchmarks/jobs/extract_features/{dataset}-{source}-{shard}.tsv"
    wildcard_constraints:
        source=LOD_SOURCES,
    priority: 50  # runs wait for it
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus_of_source,
        mem_mb=memory_of_proposals,
        runtime=240,
        data_root=data_root,
    params:
        settings=features_settings,
        code=code("extract_features"),
    shell:
        "python -m workflow_scripts.extract_features"
        " --settings {params.settings:q} --data-root {resources.data_root:q} --threads {threads} --gpus {resources.gpu}"
        " --manifest {input.manifest} --backbone {input.backbone} --shard {wildcards.shard}"
        " --out {output.features} 2>&1 | tee -i {log}"


rule find_neighbours:
    """Find the nearest images of every image, and the pairs to score."""
    input:
        index="results/images/{dataset}/unreadable.json",
        features=feature_shards_of,
    output:
        neighbours="results/lod/{dataset}/{source}/neighbours.npz",
    log:
        "logs/find_neighbours/{dataset}-{source}.log",
    benchmark:
        "benchmarks/jobs/find_neighbours/{dataset}-{source}.tsv"
    wildcard_constraints:
        source=LOD_SOURCES,
    priority: 50  # runs wait for it
    conda:
        "../envs/torch.yaml"
    threads: neighbour_threads_of
    resources:
        gpu=gpus_of_source,
        mem_mb=memory_of_proposals,
        runtime=1440,
    params:
        settings=neighbours_settings,
        code=code("find_neighbours"),
    shell:
        "python -m workflow_scripts.find_neighbours"
        " --settings {params.settings:q} --features {input.features} --gpus {resources.gpu}"
        " --out {output.neighbours} 2>&1 | tee -i {log}"


rule score_pairs:
    """Match the regions of a shard of image pairs."""
    input:
        index="results/images/{dataset}/unreadable.json",
        features=feature_shards_of,
        neighbours="results/lod/{dataset}/{source}/neighbours.npz",
    output:
        scores="results/lod/{dataset}/{source}/scores/{shard}.npz",
    log:
        "logs/score_pairs/{dataset}-{source}-{shard}.log",
    benchmark:
        "benchmarks/jobs/score_pairs/{dataset}-{source}-{shard}.tsv"
    wildcard_constraints:
        source=LOD_SOURCES,
    priority: 50  # runs wait for it
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_proposals,
        runtime=720,
    params:
        settings=scores_settings,
        code=code("score_pairs"),
    shell:
        "python -m workflow_scripts.score_pairs"
        " --settings {params.settings:q} --features {input.features} --neighbours {input.neighbours}"
        " --shard {wildcards.shard} --out {output.scores} 2>&1 | tee -i {log}"


rule rank_regions:
    """Rank all regions of all images in the graph of their scores; an interrupted ranking resumes from its state."""
    input:
        index="results/images/{dataset}/unreadable.json",
        features=feature_shards_of,
        scores=score_shards_of,
    output:
        ranking="results/lod/{dataset}/{source}/ranking.npz",
    log:
        "logs/rank_regions/{dataset}-{source}.log",
    benchmark:
        "benchmarks/jobs/rank_regions/{dataset}-{source}.tsv"
    wildcard_constraints:
        source=LOD_SOURCES,
    priority: 50  # runs wait for it
    conda:
        "../envs/torch.yaml"
    threads: ranking_processes_of
    resources:
        mem_mb=ranking_memory_of,
        runtime=240,
    params:
        settings=ranking_settings,
        code=code("rank_regions"),
    shell:
        "python -m workflow_scripts.rank_regions"
        " --settings {params.settings:q} --features {input.features} --scores {input.scores}"
        " --processes {threads} --state results/lod/{wildcards.dataset}/{wildcards.source}/ranking.state"
        " --out {output.ranking} 2>&1 | tee -i {log}"


rule select_proposals:
    """Select the best regions of every image."""
    input:
        index="results/images/{dataset}/unreadable.json",
        manifest="results/images/{dataset}/manifest.parquet",
        features=feature_shards_of,
        ranking=ranking_of,
        run_summary=features_summary_of,
    output:
        table="results/proposals/{dataset}/{source}.parquet",
        summary="results/proposals/{dataset}/{source}.json",
    log:
        "logs/select_proposals/{dataset}-{source}.log",
    benchmark:
        "benchmarks/jobs/select_proposals/{dataset}-{source}.tsv"
    wildcard_constraints:
        source=RANKED_SOURCES,
    priority: 50  # runs wait for it
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_proposals,
        runtime=60,
    params:
        settings=selection_settings,
        code=code("select_proposals"),
    shell:
        "python -m workflow_scripts.select_proposals"
        " --settings {params.settings:q} --manifest {input.manifest} --features {input.features}"
        " --ranking {input.ranking} --run-summary {input.run_summary}"
        " --out {output.table} --summary {output.summary} 2>&1 | tee -i {log}"


rule search_boxes:
    """Search a shard of images for objects, each image by itself."""
    input:
        index="results/images/{dataset}/unreadable.json",
        manifest="results/images/{dataset}/manifest.parquet",
        files=files_of_source,
        backbone=searched_backbone_of,
    output:
        table="results/searches/{dataset}/{source}/{shard}.parquet",
    log:
        "logs/search_boxes/{dataset}-{source}-{shard}.log",
    benchmark:
        "benchmarks/jobs/search_boxes/{dataset}-{source}-{shard}.tsv"
    wildcard_constraints:
        source=SEARCHED_SOURCES,
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=gpus_of_source,
        mem_mb=memory_of_proposals,
        runtime=720,
        data_root=data_root,
    params:
        settings=proposal_settings,
        code=code("search_boxes"),
    shell:
        "python -m workflow_scripts.search_boxes"
        " --settings {params.settings:q} --data-root {resources.data_root:q} --threads {threads} --gpus {resources.gpu}"
        " --manifest {input.manifest} --backbone {input.backbone} --shard {wildcards.shard}"
        " --out {output.table} 2>&1 | tee -i {log}"


rule join_proposals:
    """Join the shards of a searched source."""
    input:
        index="results/images/{dataset}/unreadable.json",
        manifest="results/images/{dataset}/manifest.parquet",
        shards=searched_shards_of,
        run_summary=searched_summary_of,
    output:
        table="results/proposals/{dataset}/{source}.parquet",
        summary="results/proposals/{dataset}/{source}.json",
    log:
        "logs/join_proposals/{dataset}-{source}.log",
    benchmark:
        "benchmarks/jobs/join_proposals/{dataset}-{source}.tsv"
    wildcard_constraints:
        source=SEARCHED_SOURCES,
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_proposals,
        runtime=60,
    params:
        settings=proposal_settings,
        code=code("join_proposals"),
    shell:
        "python -m workflow_scripts.join_proposals"
        " --settings {params.settings:q} --manifest {input.manifest} --shards {input.shards}"
        " --run-summary {input.run_summary}"
        " --out {output.table} --summary {output.summary} 2>&1 | tee -i {log}"


rule make_proposals:
    """Make proposals that read no image: annotated boxes, a grid, random places, the centre, a file."""
    input:
        index="results/images/{dataset}/unreadable.json",
        manifest="results/images/{dataset}/manifest.parquet",
        annotations=annotations_of_source,
        sizes=sizes_of_source,
        files=files_of_source,
    output:
        table="results/proposals/{dataset}/{source}.parquet",
        summary="results/proposals/{dataset}/{source}.json",
    log:
        "logs/make_proposals/{dataset}-{source}.log",
    benchmark:
        "benchmarks/jobs/make_proposals/{dataset}-{source}.tsv"
    wildcard_constraints:
        source=OTHER_SOURCES,
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_proposals,
        runtime=60,
        data_root=data_root,
    params:
        settings=proposal_settings,
        code=code("make_proposals"),
    shell:
        "python -m workflow_scripts.make_proposals"
        " --settings {params.settings:q} --manifest {input.manifest}"
        " --annotations {input.annotations} --sizes-of {input.sizes} --data-root {resources.data_root:q}"
        " --out {output.table} --summary {output.summary} 2>&1 | tee -i {log}"


rule measure_proposals:
    """Measure how well proposals find the annotated objects."""
    input:
        index="results/images/{dataset}/unreadable.json",
        manifest="results/images/{dataset}/manifest.parquet",
        annotations="results/annotations/{dataset}.parquet",
        table="results/proposals/{dataset}/{source}.parquet",
        costs=cost_files_of,
    output:
        quality="results/proposals/{dataset}/{source}.quality.json",
    log:
        "logs/measure_proposals/{dataset}-{source}.log",
    benchmark:
        "benchmarks/jobs/measure_proposals/{dataset}-{source}.tsv"
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_proposals,
        runtime=60,
    params:
        code=code("measure_proposals"),
    shell:
        "python -m workflow_scripts.measure_proposals"
        " --manifest {input.manifest} --annotations {input.annotations} --proposals {input.table}"
        " --costs {input.costs} --out {output.quality} 2>&1 | tee -i {log}"
