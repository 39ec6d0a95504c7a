#!/usr/bin/env bash
# Train in several processes of one machine, one per GPU (gloo on CPUs):
#   tools/dist_train.sh CONFIG PROCESSES [options of train.py]
set -euo pipefail
if [[ $# -lt 2 || ! $2 =~ ^[1-9][0-9]*$ ]]; then
    echo 'error: expected dist_train.sh CONFIG PROCESSES [options of train.py]' >&2
    exit 2
fi
exec python -m mmseg_gl.cli.processes "$2" "$(dirname "$0")/train.py" "$1" --launcher pytorch "${@:3}"
