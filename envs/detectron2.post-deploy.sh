#!/usr/bin/env bash
# Snakemake runs this after it made the conda environment. A conda file cannot name a wheel of another Python: envs/steps.py.
set -euo pipefail
lock=$(mktemp)
trap 'rm -f "$lock"' EXIT
cat > "$lock" <<'LOCK'
sal-detectron2==0.7.2 \
    --hash=sha256:491af0c7f79bdb2d178e46f6cb16a97c4ac968d45c41ea3f6b6435d59bbee561
LOCK
python -m pip install --no-deps --require-hashes --only-binary=:all: --python-version 3.10 --implementation cp --abi none \
    --platform any --upgrade --target "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" -r "$lock"
