#!/usr/bin/env bash
# Evaluate in several processes of one machine, one per GPU (gloo on CPUs):
#   tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]
set -euo pipefail
if [[ $# -lt 3 || ! $3 =~ ^[1-9][0-9]*$ ]]; then
    echo 'error: expected dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]' >&2
    exit 2
fi
exec python -m mmseg_gl.cli.processes "$3" "$(dirname "$0")/test.py" "$1" "$2" --launcher pytorch "${@:4}"
