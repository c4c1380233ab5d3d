#!/bin/bash
# A report in eight shards as a Slurm job array; TRACES and RESULTS lie on a file system that all nodes see.
#
#   export TRACES="/data/a.vgt /data/b.vgt" RESULTS=/data/results
#   shards=$(sbatch --parsable slurm-array.sh)
#   sbatch --dependency=afterok:$shards slurm-array.sh merge
#
# An array of another size: sbatch --array=1-100 slurm-array.sh
# The gate in shards: export VERB=check. The merging job judges all of them; its exit code is that of the gate.
#SBATCH --job-name=vgic-replay
#SBATCH --array=1-8
#SBATCH --cpus-per-task=2
#SBATCH --requeue
#SBATCH --output=%x-%A-%a.log
set -euo pipefail

# Words of commands: what is replayed (nothing: the shipped recordings), and how the program is called here.
read -ra traces <<< "${TRACES:-}"
read -ra program <<< "${VGIC_REPLAY:-vgic-replay}"
results=${RESULTS:-results}
verb=${VERB:-report}

if [ "${1:-}" = merge ]; then
    # The array is that of the shards in the header above; one task is enough.
    [ "${SLURM_ARRAY_TASK_ID:-}" = "${SLURM_ARRAY_TASK_MIN:-}" ] || exit 0
    [ "$verb" = report ] || exec "${program[@]}" "$verb" "$results"/run-*-of-*.jsonl
    "${program[@]}" merge "$results"/run-*-of-*.jsonl --output "$results/run.jsonl"
    exec "${program[@]}" report "$results/run.jsonl" --out "$results"
fi
store=(--out "$results")
[ "$verb" = report ] || store=(--output "$results/run-$SLURM_ARRAY_TASK_ID-of-$SLURM_ARRAY_TASK_COUNT.jsonl")
# A task that Slurm starts again goes on with what it had finished.
exec "${program[@]}" "$verb" "${traces[@]}" --shard auto --resume --jobs "${SLURM_CPUS_PER_TASK:-1}" "${store[@]}"
