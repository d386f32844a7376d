import type { Check } from '../../helpers/docker/checks.js';

/** What podman does in its own way, or is asked in its own words; the rest of its checks are dockerd's. */
export const PODMAN_CHECKS: readonly Check[] = [
  {
    name: 'podman: exit codes and errors',
    script: `
      say 3; try run --rm $IMAGE sh -c 'echo out; echo err >&2; exit 3'
      say killed; try run --rm $IMAGE sh -c 'exec 2>/dev/null; sleep 5 & kill -9 $!; wait $!'
      say missing; try run --rm $IMAGE nosuch
      say missing path; try run --rm $IMAGE /no/such
      say not executable; try run --rm $IMAGE /plain
      say no shebang; try run --rm $IMAGE no-shebang
      say no such user; try run --rm --user nobody-here $IMAGE true
      say file onto directory; echo text >file; try run --rm -v $WORK/file:/etc $IMAGE true
      say unknown sysctl; try run --rm --sysctl net.no.such=1 $IMAGE true
      say more open files than allowed; try run --rm --ulimit nofile=99999999:99999999 $IMAGE true | sed 's/rlimit type .*//'`,
    expect: [
      '| out\n! err\n= 3',
      '# killed\n= 137',
      /# missing\n.*executable file not found[\s\S]*= 127\n# missing path/,
      /# not executable\n.*permission denied[\s\S]*= 126/,
      /# no shebang\n.*exec format error/,
      /# unknown sysctl\n.*no such file[\s\S]*= 127/,
    ],
  },
  {
    name: 'podman: terminals, and a second program in a container',
    script: String.raw`
      say -it; at_terminal see:ready type:'typed\n' see:typed -- \
        $ENGINE run $RUNTIME --rm -it --network none $IMAGE sh -c 'tty; until stty size 2>/dev/null | grep "24 80"; do sleep 0.05; done; echo ready; read x; echo "read $x"; exit 5'
      echo "= $?"
      say exec; run -d --name "$P"e -u app -e A=1 -w /tmp --cap-drop NET_RAW --oom-score-adj 300 --ulimit nofile=200:200 --ulimit nproc=500:500 $IMAGE sleep 1000 >/dev/null
      try d exec "$P"e look
      try d exec "$P"e sh -c 'echo out; echo err >&2; exit 3'; try d exec "$P"e nosuch; try d exec "$P"e /plain; try d exec -w /no/such "$P"e true
      echo hello | try d exec -i "$P"e cat
      try d exec -e A=2 -e B=3 -w /var -u 1000:2001 "$P"e sh -c 'pwd; id; env | sort'
      at_terminal see:ready type:'bye\n' -- $ENGINE exec -it "$P"e sh -c 'tty; echo ready; read x; exit 4'; echo "= $?"
      d exec -d "$P"e sleep 777; await d exec "$P"e sh -c 'ps -o args | grep -qx "sleep 777"' && echo 'runs by itself'`,
    expect: [
      'read typed\n= 5',
      '| out\n! err\n= 3',
      '| hello',
      '| /var',
      'uid=1000(app) gid=2001',
      '= 4',
      'runs by itself',
      'oom_score_adj 300',
    ],
  },
  {
    name: 'podman: what a container sees',
    script: `
      say plain; try run --rm --read-only --cap-drop ALL --cap-add KILL --hostname glass --shm-size 2m --tmpfs /scratch:size=1m --device /dev/full:/dev/brim --sysctl net.ipv4.ip_unprivileged_port_start=81 $IMAGE look
      say no new privileges; try run --rm --security-opt no-new-privileges --user app --group-add more $IMAGE sh -c 'grep -E "Cap|NoNew|Groups" /proc/self/status; su -c id'
      say unconfined; try run --rm --security-opt seccomp=unconfined --security-opt unmask=ALL $IMAGE sh -c 'grep Seccomp /proc/self/status; head -c 1 /proc/timer_list | wc -c'
      say init; run -d --init --init-path "$(command -v docker-init)" --name "$P"i $IMAGE sleep 1000 >/dev/null
      d exec "$P"i sh -c 'cat /proc/1/comm; (sleep 0.01 & exec sleep 0.02) ; sleep 0.2; ps -o stat,comm | grep -c Z'; d stop -t 20 "$P"i >/dev/null; state "$P"i
      say joined; run -d --name "$P"a --uts private $IMAGE sleep 1000 >/dev/null
      d run -d $RUNTIME --name "$P"b --network container:"$P"a --pid container:"$P"a --ipc container:"$P"a --uts container:"$P"a $IMAGE sleep 1000 >/dev/null
      for kind in net pid ipc uts mnt; do same $kind "$(pid "$P"a)" "$(pid "$P"b)"; done
      d rm -f -t 0 "$P"b >/dev/null; state "$P"a`,
    expect: [
      'CapEff:\t0000000000000020',
      'su: must be suid',
      'Groups:\t1000 2000 2001',
      'Seccomp:\t0\n',
      'podman-init\n',
      'exited 143',
      'net shared\npid shared\nipc shared\nuts shared\nmnt own',
      'running 0',
    ],
  },
  {
    name: 'podman: limits and health',
    script: `
      run -d --name "$P"l -m 32m --memory-swap 96m --memory-reservation 16m --cpus 0.75 --cpu-shares 300 --pids-limit 44 --cpuset-cpus 0 $IMAGE sleep 1000 >/dev/null
      show() {
        limit "$P"l memory/memory.limit_in_bytes memory.max; limit "$P"l memory/memory.memsw.limit_in_bytes memory.swap.max
        limit "$P"l memory/memory.soft_limit_in_bytes memory.low; limit "$P"l cpu/cpu.cfs_quota_us cpu.max
        limit "$P"l cpu/cpu.shares cpu.weight; limit "$P"l pids/pids.max pids.max; limit "$P"l cpuset/cpuset.cpus cpuset.cpus
      }
      show; say updated; d update -m 48m --cpus 0.5 --cpu-shares 700 "$P"l >/dev/null; show
      say stats; d stats --no-stream --format '{{.Name}} {{.PIDS}}' "$P"l
      say out of memory; run --name "$P"o -m 24m --memory-swap 24m $IMAGE tail /dev/zero; echo "= $?"; d inspect -f '{{.State.ExitCode}}' "$P"o
      say fork bomb; try run --rm --pids-limit 20 $IMAGE sh -c 'while :; do sleep 600 & done'
      say healthy; run -d --name "$P"h --health-cmd 'test -e /ok || exit 3' --health-interval disable --health-retries 1 $IMAGE sleep 1000 >/dev/null
      try d healthcheck run "$P"h; d exec "$P"h touch /ok; try d healthcheck run "$P"h`,
    expect: ['33554432', '# updated\n', '# out of memory\n= 137\n137', "can't fork", /# healthy\n[\s\S]*= 1/],
  },
];

/** podman of a user without rights: no limits on v1, one range of ids, a user namespace of podman's own around it all. */
export const ROOTLESS_CHECKS: readonly Check[] = [
  {
    name: 'rootless: what a container sees, how it ends',
    script: String.raw`
      say look; try run --rm $IMAGE sh -c 'look; cat /proc/self/uid_map /proc/self/gid_map'
      say exit codes; try run --rm $IMAGE sh -c 'echo out; echo err >&2; exit 3'; try run --rm $IMAGE nosuch; try run --rm $IMAGE /plain
      say input; echo hello | try run --rm -i $IMAGE cat
      say terminal; at_terminal see:ready type:'typed\n' see:typed -- $ENGINE run $RUNTIME --rm -it --network none $IMAGE sh -c 'tty; echo ready; read x; echo "read $x"; exit 5'
      echo "= $?"
      say options; try run --rm --read-only --tmpfs /x --hostname glass --user app --cap-drop ALL --device /dev/full:/dev/brim --oom-score-adj 500 --shm-size 2m $IMAGE look
      say host network; [ "$(d run --rm $RUNTIME --network host $IMAGE readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ] && echo shared`,
    expect: [
      /^\| +0 +65534 +1$/m,
      '| out\n! err\n= 3',
      '| hello',
      'read typed\n= 5',
      '# host network\nshared',
      'glass',
    ],
  },
  {
    name: 'rootless: life of a container',
    script: String.raw`
      run -d --name "$P"u $IMAGE sh -c 'trap "echo got TERM; exit 7" TERM; trap "echo got USR1" USR1; echo ready; while :; do sleep 0.1; done' >/dev/null; await logged "$P"u ready
      ps -o user= -p "$(pid "$P"u)"; for kind in net ipc pid uts mnt user; do same $kind "$(pid "$P"u)" $$; done
      say exec; try d exec "$P"u id; try d exec -u app "$P"u sh -c 'id; exit 4'; try d exec "$P"u nosuch
      at_terminal see:ready type:'bye\n' -- $ENGINE exec -it "$P"u sh -c 'tty; echo ready; read x; exit 6'; echo "= $?"
      say signals; d kill -s USR1 "$P"u >/dev/null; await logged "$P"u USR1; d stop -t 20 "$P"u >/dev/null; d logs "$P"u; state "$P"u
      say again; d start "$P"u >/dev/null; d inspect -f '{{.State.Status}}' "$P"u; d kill "$P"u >/dev/null; d wait "$P"u; d rm "$P"u >/dev/null; try d inspect "$P"u`,
    expect: ['nobody', 'user own', 'uid=1000', '= 6', 'got USR1\ngot TERM', 'exited 7', 'running\n137'],
  },
];
