# make setup | demo | test | test-cluster | test-chaos | learn | check | other-python | lowest | coverage | fuzz | inspect | effect | bench | clean; each sets up first, so that on a fresh machine it is the only command.
.PHONY: setup demo test test-cluster test-chaos learn check other-python lowest coverage fuzz inspect effect bench lock clean
BIN := .venv/bin

setup: ## .venv with everything; make setup PYTHON=/path/to/python3.12 chooses the Python
	@PYTHON="$(PYTHON)" python3 envs/set_up.py

demo: setup ## the whole chain on drawn scenes; the same command resumes where it stopped
	@$(BIN)/python -m workflow_scripts.run_demo

test: setup ## all tests; make test TESTS="tests/proposals -m 'not slow'" runs some
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(TESTS)

test-cluster: setup ## the tiny study, and what can happen to jobs, on a Slurm of its own; needs root and packages (docs/cluster.md)
	@$(BIN)/python -m pytest tests/cluster/test_jobs.py tests/cluster/long

learn: setup ## every method of pretraining leaves random initialisation behind on drawn scenes, and a ResNet-50 learns photographs; 45 minutes
	@$(BIN)/python -m pytest tests/learning

check: setup ## format, lint, types, contracts, spelling, drift, bandit, known vulnerabilities of the locks
	@$(BIN)/python .ci/check.py $(CHECKS)

other-python: setup ## set-up, checks and fast tests on the other Python that is allowed, in build/; coverage of each room, unless FOLDERS names some
	@$(BIN)/python .ci/other_python.py $(FOLDERS)

lowest: setup ## fast tests of the rooms that compute, with the lowest versions that pyproject.toml allows, in build/
	@$(BIN)/python .ci/lowest.py

coverage: setup ## fast tests, and how much of each room's code they ran; slower than other-python, which states it too
	@$(BIN)/python .ci/fast_tests.py

fuzz: setup ## 100,000 changed files for the readers, in half an hour; the first file of each fault is kept in build/fuzz
	@OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m tests.fuzz --inputs 100000 --keep build/fuzz

test-chaos: setup ## the tiny study through 50 kills, a disk that is full twice (as root) and a damaged file ends as one left alone; its log is in build/chaos
	@$(BIN)/python -m tests.chaos

inspect: setup ## the FiftyOne App on the proposals of the last run, until Ctrl-C
	@$(BIN)/python -m snakemake --cores all inspect

effect: setup ## the study of where object crops pay, then docs/results/effect.md and its figure; 8 hours on 2 cores, resumes
	@$(BIN)/python -m snakemake --cores all --configfile presets/effect.yaml
	@$(BIN)/python benchmarks/effect.py && $(BIN)/python benchmarks/write_results.py

bench: setup ## every benchmark of the CPU in a short form, then docs/results/benchmarks.md; half an hour on 2 cores by estimate
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/run_all.py

lock: setup ## requirements.lock, envs/opencv.lock and envs/*.yaml from requirements.in
	@.setup/uv/bin/uv pip compile requirements.in -o requirements.lock --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11
	@sed -n 's/^opencv-python-headless\(==[^ ]*\).*/opencv-contrib-python-headless\1/p' requirements.lock | .setup/uv/bin/uv pip compile - --output-file envs/opencv.lock --quiet --generate-hashes --no-header --no-annotate --no-deps --universal --python-version 3.11
	@$(BIN)/python envs/write_conda.py

clean: ## remove what runs and checks made; .venv, .setup and data stay
	rm -rf results logs benchmarks/jobs .snakemake build
