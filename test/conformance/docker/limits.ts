import type { Check } from '../../helpers/docker/checks.js';

/** Limits, as the kernel holds them, and as they are felt. */
export const LIMIT_CHECKS: readonly Check[] = [
  {
    name: 'limits: the control files',
    script: String.raw`
      show() {
        limit "$1" memory/memory.limit_in_bytes memory.max
        limit "$1" memory/memory.soft_limit_in_bytes memory.low
        limit "$1" memory/memory.memsw.limit_in_bytes memory.swap.max
        limit "$1" memory/memory.oom_control memory.oom.group
        limit "$1" cpu/cpu.cfs_quota_us cpu.max; limit "$1" cpu/cpu.cfs_period_us cpu.max
        limit "$1" cpu/cpu.shares cpu.weight; limit "$1" pids/pids.max pids.max
        limit "$1" cpuset/cpuset.cpus cpuset.cpus; limit "$1" cpuset/cpuset.mems cpuset.mems
      }
      say none; run -d --name "$P"n $IMAGE sleep 1000 >/dev/null; show "$P"n
      limit "$P"n devices/devices.list cgroup.type
      say all; run -d --name "$P"a -m 32m --memory-swap 48m --memory-reservation 16m --oom-kill-disable=false --cpus 0.75 \
        --cpu-shares 300 --pids-limit 44 --cpuset-cpus 0 --cpuset-mems 0 $IMAGE sleep 1000 >/dev/null; show "$P"a
      say period and quota; run -d --name "$P"q --cpu-period 50000 --cpu-quota 20000 -m 32m --memory-swap -1 --pids-limit -1 $IMAGE sleep 1000 >/dev/null
      show "$P"q
      say updated; d update -m 64m --memory-swap 128m --cpus 0.5 --cpu-shares 700 --pids-limit 55 "$P"a >/dev/null 2>err; cat err; show "$P"a
      say updated again; d update --memory-reservation 20m --cpuset-cpus 0 "$P"a >/dev/null 2>err; cat err; show "$P"a
      say too little; try d update -m 1m "$P"a
      say another parent; run -d --name "$P"o --cgroup-parent "/$GROUP/$P"parent $IMAGE sleep 1000 >/dev/null
      group "$(pid "$P"o)" pids | sed 's|^/sys/fs/cgroup/\(pids/\)\{0,1\}||'
      for name in n a q o; do d rm -f "$P$name" >/dev/null; done
      for top in /sys/fs/cgroup/$GROUP /sys/fs/cgroup/*/$GROUP; do [ ! -d $top/"$P"parent ] || rmdir $top/"$P"parent; done`,
    expect: [/(33554432|memory.max)/, /: 44 /, /: 55 /, '67108864', 'GROUP/parent/ID'],
  },
  {
    name: "limits: memory, by the kernel's killer",
    script: String.raw`
      n=0; while :; do # the engine may learn of the end before it learns of its cause
        n=$((n + 1)); run --name "$P"o$n -m 24m --memory-swap 24m $IMAGE tail /dev/zero; code=$?
        d inspect -f '{{.State.OOMKilled}}' "$P"o$n | grep -q true && break; [ $n -lt 15 ] || break
      done
      echo "= $code"; state "$P"o$n
      say a child only; run --name "$P"c -m 24m --memory-swap 24m $IMAGE sh -c 'exec 2>/dev/null; tail /dev/zero; echo "tail: $?"; exit 3' 2>&1
      echo "= $?"; d inspect -f '{{.State.ExitCode}}' "$P"c
      say enough; run --rm -m 64m $IMAGE sh -c 'head -c 8000000 /dev/zero | tail -c 1 | wc -c'`,
    expect: ['= 137\nexited 137 oom=true', 'tail: 137\n', '\n= 3\n3\n'],
  },
  {
    name: 'limits: processes, processor time',
    script: String.raw`
      say fork bomb; try run --rm --pids-limit 20 $IMAGE sh -c 'while :; do sleep 600 & done'
      say full; run -d --name "$P"f --pids-limit 20 $IMAGE sh -c 'for i in $(seq 1 19); do sleep 600 & done; echo full; read x; wait' >/dev/null
      await logged "$P"f full; cat $(group "$(pid "$P"f)" pids)/pids.current
      limit "$P"f pids/pids.max pids.max
      d rm -f "$P"f >/dev/null; try d inspect "$P"f
      say held back; run -d --name "$P"b --cpus 0.1 $IMAGE sh -c 'while :; do :; done' >/dev/null
      throttled() { grep -q '^nr_throttled [1-9]' "$(group "$(pid "$P"b)" cpu)/cpu.stat"; }; await throttled && echo throttled
      say one processor; run --rm --cpuset-cpus 0 $IMAGE sh -c 'grep Cpus_allowed_list /proc/self/status; nproc'`,
    expect: [
      "can't fork: Resource temporarily unavailable\n= 2",
      '# full\n20\n',
      'throttled',
      'Cpus_allowed_list:\t0\n1',
    ],
  },
  {
    name: 'limits: what the engine reads back: stats, top',
    script: String.raw`
      run -d --name "$P"s -m 32m --pids-limit 30 $IMAGE sh -c 'sleep 800 & sleep 801 & echo ready; wait' >/dev/null; await logged "$P"s ready
      say stats; d stats --no-stream --format '{{.Name}} {{.MemUsage}} pids {{.PIDs}}' "$P"s | sed 's/[0-9.]*[KM]iB \//some of/'
      say top; d top "$P"s -o pid,user,args | awk '{$1 = ""; print}' | sort
      d top "$P"s >/dev/null && echo 'top without options'`,
    expect: ['some of 32MiB pids 3', 'sleep 801'],
  },
];
