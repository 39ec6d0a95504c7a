#!/usr/bin/env bash
# Train on a Slurm cluster, one process per GPU:
#   GPUS=4 GPUS_PER_NODE=4 CPUS_PER_TASK=5 tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of train.py]
# SRUN_ARGS holds further options of srun, e.g. --signal=TERM@120 to save before the time is over.
set -euo pipefail
if [[ $# -lt 3 ]]; then
    echo 'error: expected slurm_train.sh PARTITION JOB_NAME CONFIG [options of train.py]' >&2
    exit 2
fi
GPUS=${GPUS:-4}
if [[ ! $GPUS =~ ^[1-9][0-9]*$ || ! ${GPUS_PER_NODE:-1} =~ ^[1-9][0-9]*$ ]]; then
    echo "error: GPUS=$GPUS GPUS_PER_NODE=${GPUS_PER_NODE:-}: expected whole numbers, at least 1" >&2
    exit 2
fi
if ! command -v srun >/dev/null; then
    echo 'error: there is no srun here; slurm_train.sh is for the login node of a Slurm cluster' >&2
    exit 2
fi
GPUS_PER_NODE=${GPUS_PER_NODE:-$((GPUS < 8 ? GPUS : 8))}
# shellcheck disable=SC2086  # SRUN_ARGS are several words
exec srun --partition="$1" --job-name="$2" --ntasks="$GPUS" --ntasks-per-node="$GPUS_PER_NODE" \
    --gres="gpu:$GPUS_PER_NODE" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} python -u "$(dirname "$0")/train.py" "$3" --launcher slurm "${@:4}"
