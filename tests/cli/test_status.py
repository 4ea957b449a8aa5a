"""`status` shows every training that has begun."""

import json

from workflow_scripts.status import main


def test_the_last_line_of_each_training_is_shown(tmp_path, capsys):
    for run, done in (("first", True), ("second", False)):
        folder = tmp_path / "pretrain" / run / "s0"
        (folder / "checkpoints").mkdir(parents=True)
        lines = [{"step": step, "epoch": 0, "images_seen": 8 * step, "loss": 1.0 / step} for step in (1, 2)]
        (folder / "checkpoints/metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        if done:
            (folder / "summary.json").write_text("{}")
    main(["--results", str(tmp_path)])
    first, second = capsys.readouterr().out.splitlines()[1:]
    assert first.split()[:3] == ["first", "s0", "done"]
    assert second.split()[:6] == ["second", "s0", "unfinished", "2", "0", "16"]


def test_nothing_begun_is_an_empty_list(tmp_path, capsys):
    main(["--results", str(tmp_path)])
    assert len(capsys.readouterr().out.splitlines()) == 1
