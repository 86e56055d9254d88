#!/usr/bin/env bash
# Merges the shards that are there, does what is left, and writes the report.
#SBATCH --job-name=ct-xai-merge
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=12:00:00
set -euo pipefail
: "${SUITE:?the suite file}" "${OUT:?the run folder}"
ct_xai=${CT_XAI:-npx ct-xai}
$ct_xai merge "$OUT.parts"/* --out "$OUT"
$ct_xai run "$SUITE" --out "$OUT"
