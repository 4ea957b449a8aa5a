import pytest

from objectcrop.proposals.quality.job_costs import read_costs

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def job(folder, rule, name, values):
    path = folder / rule / f"{name}.tsv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEAD + values + "\n")
    return path


def test_jobs_of_a_rule_are_summed_and_their_greatest_memory_is_told(tmp_path):
    paths = [
        job(tmp_path, "score_pairs", "0", "10.5\t0:00:10\t300.5\t1\t1\t1\t1\t1\t90.0\t9.5"),
        job(tmp_path, "score_pairs", "1", "20.0\t0:00:20\t200.0\t1\t1\t1\t1\t1\t90.0\t18.0"),
        job(tmp_path, "rank_regions", "a", "0.4\t0:00:00\t-\t-\t-\t-\t-\t-\t-\tNA"),
    ]
    assert read_costs(paths) == {
        "score_pairs": {"num_jobs": 2, "seconds": 30.5, "cpu_seconds": 27.5, "max_memory_mb": 300.5},
        "rank_regions": {"num_jobs": 1, "seconds": 0.4, "cpu_seconds": None, "max_memory_mb": None},
    }
    assert list(read_costs(paths)) == ["score_pairs", "rank_regions"]


def test_another_file_is_named(tmp_path):
    (tmp_path / "x.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(ValueError, match=r"x\.tsv"):
        read_costs([tmp_path / "x.tsv"])
