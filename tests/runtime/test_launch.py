from objectcrop.runtime.launch import needs_torchrun


def test_the_launcher_is_for_several_processes_that_it_has_not_started(monkeypatch):
    for name in ("RANK", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    assert needs_torchrun(2)
    assert not needs_torchrun(1)
    monkeypatch.setenv("RANK", "0")
    assert not needs_torchrun(2)
