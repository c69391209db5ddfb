#!/usr/bin/env bash
# Times networks compiled by cnnc beside ONNX Runtime. README.md says how.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
workspace=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$workspace/target}

environment=$target/peers-python
stamp=$environment/requirements.txt
if ! cmp -s "$here/requirements.txt" "$stamp"; then
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check \
        --require-hashes --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$stamp"
fi

cd "$workspace"
cargo build --release --quiet --package cnnc --bin cnnc
cargo build --release --quiet --package cnnc-tests --bin fill-zoo
exec "$environment/bin/python" "$here/peers.py" \
    --cnnc "$target/release/cnnc" --fill-zoo "$target/release/fill-zoo" "$@"
