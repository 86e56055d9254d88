#!/usr/bin/env bash
# One task of the array runs one shard of the suite. A task that is started again goes on where it stopped.
#SBATCH --job-name=ct-xai-shard
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=12:00:00
#SBATCH --requeue
set -euo pipefail
: "${SUITE:?the suite file}" "${OUT:?the run folder}" "${SHARDS:?the number of shards}"
ct_xai=${CT_XAI:-npx ct-xai}
# Exit code 1 says that some rows failed: they are in the tables, with their reasons.
$ct_xai run "$SUITE" --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" --out "$OUT.parts/$SLURM_ARRAY_TASK_ID" || [ $? = 1 ]
