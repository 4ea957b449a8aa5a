# What people read: tables beside the paper's, curves, images, the page.


rule render_table:
    """Render one table: what was measured, beside the paper's numbers."""
    input:
        results=of(PLAN.results.of_table),
        scores=of(PLAN.results.scores),
        summaries=of(PLAN.results.summaries),
        proposals=of(PLAN.results.summaries_of_proposals),
        paper=str(ROOT / "objectcrop/report/tables/paper_values.csv"),
        faults=str(ROOT / "objectcrop/report/tables/paper_faults.toml"),
        lengths=str(ROOT / "objectcrop/report/tables/paper_lengths.toml"),
        lineage=RESULT_LINEAGE,  # so that a table of another study is rendered again, whatever triggers are on
    output:
        markdown=report(
            paths.TABLE_MARKDOWN,
            category="Tables",
            caption="report/table.rst",
            labels={"table": "{table}"},
        ),
        csv=paths.TABLE_CSV,
        json=paths.TABLE_JSON,
        latex=paths.TABLE_LATEX,
    log:
        "logs/render_table/{table}.log",
    localrule: True
    conda:
        "../envs/base.yaml"
    resources:
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.results.table_job),
        code=code("render_table"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.render_table"
        ' --settings "$settings" --data-root {resources.data_root:q} --results {input.results}'
        " --scores {input.scores} --summaries {input.summaries} --proposals {input.proposals}"
        " --paper {input.paper:q} --faults {input.faults:q} --lengths {input.lengths:q}"
        " --markdown {output.markdown} --csv {output.csv} --json {output.json} --latex {output.latex} 2>&1 | tee -i {log}"


rule planned_cost:
    """Print what the study costs in GPU-hours, row by row: by rates measured here, or assumed ones, marked so."""
    output:
        page=report(
            paths.PLANNED_COST,
            category="Tables",
            caption="report/planned_cost.rst",
            labels={"table": "planned cost"},
        ),
    log:
        "logs/planned_cost.log",
    localrule: True
    conda:
        "../envs/base.yaml"
    params:
        settings=of(PLAN.costs.job),
        code=code("planned_cost"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.planned_cost"
        ' --settings "$settings" --out {output.page} 2>&1 | tee -i {log}'


rule analyse_classes:
    """Compare the classes of a table's linear evaluations: which are recognised, by the area and number of their objects."""
    input:
        results=of(PLAN.classes.results),
        scores=of(PLAN.classes.scores),
        manifest=of(PLAN.classes.manifest),
        annotations=of(PLAN.classes.annotations),
        classes=of(PLAN.classes.classes),
    output:
        analysis=paths.CLASS_ANALYSIS,
        figures=report(
            directory(paths.CLASS_FIGURES),
            patterns=["{figure}.svg"],
            category="Classes",
            caption="report/classes.rst",
            labels={"table": "{table}", "figure": "{figure}"},
        ),
        worst=paths.WORST_IMAGES,
    log:
        "logs/analyse_classes/{table}.log",
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=of(growing, first=4000),
        runtime=of(growing, first=60),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.classes.job),
        code=code("analyse_classes"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.analyse_classes"
        ' --settings "$settings" --data-root {resources.data_root:q}'
        " --manifest {input.manifest} --annotations {input.annotations} --classes {input.classes}"
        " --results {input.results} --scores {input.scores}"
        " --analysis {output.analysis} --figures {output.figures} --worst {output.worst} 2>&1 | tee -i {log}"


rule draw_figures:
    """Draw a table's rows beside each other, and the curves of its runs."""
    input:
        table=paths.TABLE_JSON,
        summaries=of(PLAN.results.summaries),
    output:
        figures=report(
            directory(paths.FIGURES),
            patterns=["{figure}.svg"],
            category="Figures",
            caption="report/figures.rst",
            labels={"table": "{table}", "figure": "{figure}"},
        ),
    log:
        "logs/draw_figures/{table}.log",
    localrule: True
    conda:
        "../envs/base.yaml"
    params:
        settings=of(PLAN.results.figures_job),
        code=code("draw_figures"),
    shell:
        'settings={params.settings:q}; python -m workflow_scripts.draw_figures --settings "$settings"'
        " --table {input.table} --summaries {input.summaries} --out {output.figures} 2>&1 | tee -i {log}"


rule plot_subset:
    """Plot what the objects of a subset are like, beside those of the data set selected from."""
    input:
        statistics=paths.SUBSET_STATISTICS,
    output:
        figures=report(
            directory(paths.SUBSET_FIGURES),
            patterns=["{figure}.svg"],
            category="Subsets",
            caption="report/subset.rst",
            labels={"data set": "{dataset}", "figure": "{figure}"},
        ),
    log:
        "logs/plot_subset/{dataset}.log",
    localrule: True
    conda:
        "../envs/base.yaml"
    params:
        code=code("plot_subset"),
    shell:
        "python -m workflow_scripts.plot_subset --statistics {input.statistics}"
        " --out {output.figures} 2>&1 | tee -i {log}"


rule draw_contact_sheet:
    """Draw sample images with their proposals and objects."""
    input:
        manifest=paths.MANIFEST,
        annotations=paths.ANNOTATIONS,
        proposals=paths.PROPOSALS,
    output:
        sheet=report(
            paths.CONTACT_SHEET,
            category="Proposals",
            caption="report/contact_sheet.rst",
            labels={"data set": "{dataset}", "source": "{source}"},
        ),
        best=paths.BEST_SHEET,
        worst=paths.WORST_SHEET,
    log:
        "logs/draw_contact_sheet/{dataset}-{source}.log",
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=of(growing, first=3000),
        runtime=of(growing, first=30),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.proposals.sheet_job),
        code=code("draw_contact_sheet"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.draw_contact_sheet"
        ' --settings "$settings" --data-root {resources.data_root:q}'
        " --manifest {input.manifest} --annotations {input.annotations} --proposals {input.proposals}"
        " --out {output.sheet} --best {output.best} --worst {output.worst} 2>&1 | tee -i {log}"


rule draw_views:
    """Draw the views of a run as they are trained on."""
    input:
        manifest=of(PLAN.runs.manifest),
        proposals=of(PLAN.runs.proposals),
    output:
        sheet=report(
            paths.VIEW_SHEET,
            category="Views",
            caption="report/views.rst",
            labels={"run": "{run}"},
        ),
    log:
        "logs/draw_views/{run}.log",
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=of(growing, first=3000),
        runtime=of(growing, first=30),
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.runs.job),
        code=code("draw_views"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.draw_views"
        ' --settings "$settings" --data-root {resources.data_root:q}'
        " --manifest {input.manifest} --proposals {input.proposals} --out {output.sheet} 2>&1 | tee -i {log}"


rule write_report:
    """Write the page that people read."""
    input:
        unpack(of(PLAN.report.inputs)),
        lineage=LINEAGE,
    output:
        page=report(
            paths.PAGE,
            category="Report",
            caption="report/page.rst",
        ),
    log:
        "logs/write_report.log",
    localrule: True
    conda:
        "../envs/base.yaml"
    resources:
        data_root=of(PLAN.needs.data_root),
    params:
        settings=of(PLAN.report.job),
        code=code("write_report"),
    shell:
        "settings={params.settings:q}; python -m workflow_scripts.write_report"
        ' --settings "$settings" --data-root {resources.data_root:q} --tables {input.tables} --figures {input.figures}'
        " --class-analyses {input.class_analyses} --class-figures {input.class_figures} --worst-images {input.worst_images}"
        " --predictions {input.predictions}"
        " --summaries {input.summaries} --subsets {input.subsets} --proposals {input.proposals}"
        " --subset-statistics {input.subset_statistics} --subset-figures {input.subset_figures}"
        " --qualities {input.qualities} --sheets {input.sheets} --views {input.views}"
        " --unreadable {input.unreadable} --out {output.page} 2>&1 | tee -i {log}"


for _target in PLAN.study.targets:

    rule:
        name:
            _target
        input:
            PLAN.results.target(_target),
            [PLAN.classes.of_table(_named) for _named in PLAN.study.targets[_target]],
        localrule: True


for _table in PLAN.study.tables:

    rule:
        name:
            _table
        input:
            PLAN.results.table(_table),
            PLAN.classes.of_table(_table),
        localrule: True
