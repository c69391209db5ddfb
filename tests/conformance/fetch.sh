#!/usr/bin/env bash
# Writes the conformance tests of ONNX's operators to target/conformance.
# README.md says more.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
workspace=$(cd "$here/../.." && pwd)
folder=${CARGO_TARGET_DIR:-$workspace/target}/conformance

# What decides the tests: where it is the same as before, they are there.
stamp() {
    cat "$here/requirements.txt" "$here/generate.py"
}
if cmp -s <(stamp) "$folder/stamp"; then
    exit 0
fi
rm -rf "$folder"
mkdir -p "$folder"
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check \
    --require-hashes --requirement "$here/requirements.txt"
"$folder/python/bin/python" "$here/generate.py" "$folder/tests"
stamp >"$folder/stamp"
