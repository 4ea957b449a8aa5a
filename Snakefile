"""Object-aware cropping: from Open Images CSVs to the tables of the paper."""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")


# A file with a `name` is a study of its own; one without is an overlay on the default study.
if "name" not in config:

    configfile: Path(workflow.basedir) / "config.yaml"


report: "rules/report/workflow.rst"


include: "rules/common.smk"
include: "rules/identity.smk"
include: "rules/data.smk"
include: "rules/ohms.smk"
include: "rules/proposals.smk"
include: "rules/pretrain.smk"
include: "rules/linear.smk"
include: "rules/detect.smk"
include: "rules/segment.smk"
include: "rules/tables.smk"
include: "rules/inspect.smk"


CODE.remember()  # all rules have asked for theirs


rule all:
    default_target: True
    input:
        PLAN.results.tables(),
        paths.PAGE,
        PLAN.report.inspections(),
