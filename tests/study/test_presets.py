"""What the presets ask for agrees with itself: several GPUs come with the cores and the memory that feed them."""

import yaml

from objectcrop.study.plan.plan import load_plan

MIN_CPUS, MIN_MEMORY_MB = 8, 16_000
"""Of each GPU: a ResNet-50 takes more images than eight cores decode."""


def test_a_run_on_several_gpus_asks_for_cores_and_memory_of_each(root):
    starved = []
    for path in sorted((root / "presets").glob("*.yaml")):
        config = yaml.safe_load(path.read_text())
        if "name" not in config:
            continue  # merged over another preset
        for name, run in load_plan(config).study.runs.items():
            asked = run.resources
            is_fed = asked.cpus >= MIN_CPUS * asked.gpus and asked.memory_mb >= MIN_MEMORY_MB * asked.gpus
            if run.is_trained and asked.gpus > 1 and not is_fed:
                starved.append(f"{path.name} {name}: {asked.gpus} GPUs, {asked.cpus} cpus, {asked.memory_mb} MB")
    assert starved == []
