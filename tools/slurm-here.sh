#!/usr/bin/env bash
# Runs examples/slurm under a real Slurm of one node on this machine, and compares the result with a run in one
# process. For Debian, as root: apt-get install slurm-wlm munge. What it starts ends with it; it listens on loopback.
#   tools/slurm-here.sh [SUITE] [SHARDS]
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")
suite=$(realpath "${1:-$root/configs/quickstart.yaml}")
shards=${2:-3}
for program in munged slurmctld slurmd sbatch; do
  command -v "$program" >/dev/null || { echo "skipped: there is no $program (apt-get install slurm-wlm munge)"; exit 0; }
done
work=$(mktemp -d) pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap finish EXIT

mkdir -p "$work"/{state,spool,munge}
chmod 755 "$work"
head -c 1024 /dev/urandom >"$work/munge/key"
chmod 400 "$work/munge/key"
socket=$work/munge/socket
munged --foreground --force --key-file="$work/munge/key" --socket="$socket" --pid-file="$work/munge/pid" \
  --log-file="$work/munge/log" --seed-file="$work/munge/seed" &
pids+=($!)

node=$(hostname -s)
cat >"$work/slurm.conf" <<CONF
ClusterName=here
SlurmctldHost=$node(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$socket
SlurmctldPort=${SLURM_PORT:-16817}
SlurmdPort=$((${SLURM_PORT:-16817} + 1))
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=5
CommunicationParameters=NoAddrCache
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=1024 State=UNKNOWN
PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf
until [ -S "$socket" ]; do sleep 0.1; done
slurmctld -D -f "$SLURM_CONF" >"$work/slurmctld.log" 2>&1 &
pids+=($!)
slurmd -D -f "$SLURM_CONF" -N "$node" >"$work/slurmd.log" 2>&1 &
pids+=($!)
for _ in $(seq 60); do
  sinfo -h -o %t 2>/dev/null | grep -q idle && break
  sleep 1
done
sinfo -h -o %t | grep -q idle || { tail -20 "$work"/slurm*.log; echo 'the node did not come up'; exit 1; }
echo "Slurm $(sbatch --version | cut -d' ' -f2) with one node of $(nproc) CPUs"

export CT_XAI="node $root/dist/cli/main.js"
"$root/examples/slurm/submit.sh" "$suite" "$work/study" "$shards" --cpus-per-task=1 --mem=0
while [ -n "$(squeue -h 2>/dev/null)" ]; do sleep 1; done
tail -n +1 "$work"/study.*.log
[ -f "$work/study/index.html" ] || { echo 'there is no report'; exit 1; }

$CT_XAI run "$suite" --out "$work/alone" >/dev/null 2>&1
for table in samples.csv scores.csv summary.csv; do
  cmp "$work/study/$table" "$work/alone/$table" && echo "$table: the same, byte for byte"
done
