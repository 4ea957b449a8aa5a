"""The plan of the study, and functions by which rules call it."""

from inspect import Parameter, signature

from objectcrop.runtime.gpus import count_gpus
from objectcrop.runtime.interpreter import prefer_own_python
from objectcrop.runtime.signals import DEAF_SHELL
from objectcrop.study.digest import Code, recipe_number
from objectcrop.study.jobs.job import Job
from objectcrop.study.plan import paths
from objectcrop.study.plan.attempts import growing
from objectcrop.study.plan.paths import any_of
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.plan.planned import PlannedJob
from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir)
WILDCARDS = ("dataset", "source", "run", "task", "table", "seed", "shard")
OF_JOB = ("rulename", "attempt")
prefer_own_python(ROOT)
shell.prefix(DEAF_SHELL)


def or_stop(checked, *arguments, **named):
    """Call `checked`; a problem of the study or a damaged file ends the run before the first job, with one message."""
    try:
        return checked(*arguments, **named)
    except ValueError as error:
        raise WorkflowError(str(error)) from None


CODE = Code(ROOT, Path(paths.CODE_MEMORY))
PLAN = or_stop(load_plan, config, workflow.configfiles)


def planned_jobs(resource):
    """Return the jobs that are to run of rules that have a resource."""
    jobs = [
        job for job in workflow.dag.needrun_jobs() if resource in job.rule.resources
    ]
    return [PlannedJob(job.rule.name, dict(job.wildcards.items())) for job in jobs]


onstart:
    or_stop(PLAN.needs.require, planned_jobs("data_root"))
    if workflow.local_exec:  # elsewhere the scheduler knows what it has
        limit = dict(workflow.global_resources.unwrapped_items()).get("gpu")
        or_stop(PLAN.gpus.require, planned_jobs("gpu"), count_gpus, limit)
    about_to_be_made = {
        str(file) for job in workflow.dag.needrun_jobs() for file in job.output
    }
    if workflow.is_main_process:
        or_stop(require_no_other, Path(paths.RUNNING), about_to_be_made)
        note_asked(Path(paths.RUNNING), about_to_be_made)
    keep_edits(EDITED, about_to_be_made)


wildcard_constraints:
    dataset=any_of(PLAN.study.datasets),
    source=any_of(PLAN.study.proposals),
    run=any_of(PLAN.study.runs),
    task=any_of(PLAN.study.tasks),
    table=any_of(PLAN.study.tables),
    seed=r"\d+",
    shard=r"\d+",


def of(method, **fixed):
    """Return a function for Snakemake that calls a method of the plan with what its parameters name.

    That is a wildcard, `rulename`, `attempt`, an input file of the rule by its name, or one of `fixed`. A job becomes one JSON,
    made once for all shards, as it depends on the study alone.
    """
    names = [name for name in signature(method).parameters if name not in fixed]
    files = [name for name in names if name not in (*WILDCARDS, *OF_JOB)]
    texts = {}

    def answer(wildcards, input=None, rulename=None, attempt=None):
        # as --forcerun would, but those alone that a target needs: what is forced there becomes a target itself
        workflow.dag.forcefiles.update(EDITED, UNDONE)
        values = {
            "rulename": rulename,
            "attempt": attempt,
            **{name: input[name] for name in files},
            **dict(wildcards.items()),
        }
        key = None if files else tuple(values[name] for name in names)
        if key in texts:
            return texts[key]
        value = method(**{name: values[name] for name in names}, **fixed)
        if not isinstance(value, Job):
            return value
        text = value.as_json()
        if key is not None:
            texts[key] = text
        return text

    # Snakemake gives a function what its signature asks for, and takes params that ask for input files for derived from them
    asked = [
        "wildcards",
        *(["input"] if files else []),
        *(name for name in OF_JOB if name in names),
    ]
    answer.__signature__ = signature(answer).replace(
        parameters=[Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in asked]
    )
    return answer


def code(name):
    """Return the digest of a script and of all that it imports; of pretraining its recipe's number, if the study says so."""
    if name == "pretrain" and PLAN.study.tracking.pretrain == "recipe":
        return f"recipe-{recipe_number('objectcrop.ssl.training.recipe', ROOT)}"
    return CODE.digest(f"workflow_scripts.{name}")
