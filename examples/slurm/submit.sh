#!/usr/bin/env bash
# submit.sh SUITE OUT SHARDS: an array of shards, and a job that merges them once all have ended.
# The folder OUT must lie on a disk that all nodes see. CT_XAI names the command; default: npx ct-xai.
# Fix threads, workers and microBatch under `engine` in the suite, so that all nodes compute in the same way.
set -euo pipefail
[ $# -ge 3 ] || { echo 'usage: submit.sh SUITE OUT SHARDS [sbatch options]' >&2; exit 2; }
SUITE=$(realpath "$1") OUT=$(realpath -m "$2") SHARDS=$3
export SUITE OUT SHARDS
shift 3
here=$(dirname "$(realpath "$0")")
mkdir -p "$OUT.parts"
array=$(sbatch --parsable --array="1-$SHARDS" --output="$OUT.parts.%a.log" "$@" "$here/shard.sh")
# `afterany`: what a shard could not do, the last job does.
merge=$(sbatch --parsable --dependency="afterany:$array" --output="$OUT.merge.log" "$@" "$here/merge.sh")
echo "shards: job $array; merging and the report: job $merge"
