import type { Check } from '../../helpers/docker/checks.js';

/** For a daemon with --userns-remap: root inside is an ordinary user outside. */
export const USERNS_CHECKS: readonly Check[] = [
  {
    name: 'user namespace: what a container sees and may do',
    script: String.raw`
      say look; try run --rm $IMAGE sh -c 'look; cat /proc/self/uid_map /proc/self/gid_map; ls -ln / | awk "{print \$1, \$3, \$4, \$9}"'
      say read-only; try run --rm --read-only --tmpfs /x --device /dev/zero:/dev/nil --sysctl net.ipv4.ip_forward=1 --hostname glass --shm-size 2m --user app $IMAGE sh -c 'look; cat /proc/sys/net/ipv4/ip_forward'
      say exit codes; try run --rm $IMAGE sh -c 'exit 3'; try run --rm $IMAGE nosuch
      say input; echo hello | try run --rm -i $IMAGE cat
      say a file of the host; mkdir h; echo secret >h/f; chmod 600 h/f; chmod 755 . h; run --rm -v $WORK/h:/h $IMAGE sh -c 'exec 2>&1; cat /h/f; stat -c %u:%g /h/f; echo >/h/new'
      say volume; run --rm -v "$P"vol:/v $IMAGE sh -c 'echo mine >/v/f; cat /v/f; stat -c %u:%g /v/f'; d volume rm "$P"vol >/dev/null
      say terminal; at_terminal see:ready type:'typed\n' -- $ENGINE run $RUNTIME --rm -it --network none $IMAGE sh -c 'tty; until stty size 2>/dev/null | grep "24 80"; do sleep 0.05; done; stat -c %u:%g /dev/console; echo ready; read x; echo "read $x"; exit 5'
      echo "= $?"`,
    expect: [/^\| +0 +300000 +65536$/m, 'read typed\n= 5', "can't open '/h/f': Permission denied", 'mine', '| hello'],
  },
  {
    name: 'user namespace: life, exec, limits, sharing',
    script: String.raw`
      run -d --name "$P"u -m 32m --cpus 0.5 --pids-limit 40 $IMAGE sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null; await logged "$P"u ready
      p=$(pid "$P"u); ps -o uid=,gid= -p $p | tr -s ' '; cat /proc/$p/oom_score_adj; limit "$P"u memory/memory.limit_in_bytes memory.max; limit "$P"u pids/pids.max pids.max
      for kind in net ipc pid uts mnt user; do same $kind $p $$; done
      say exec; try d exec -u app "$P"u id; try d exec "$P"u sh -c 'cat /proc/self/uid_map; grep Cap /proc/self/status; exit 4'
      at_terminal see:ready type:'bye\n' -- $ENGINE exec -it "$P"u sh -c 'tty; echo ready; read x; exit 6'; echo "= $?"
      d pause "$P"u >/dev/null; state "$P"u; d unpause "$P"u >/dev/null
      say joined; d run --rm $RUNTIME --network container:"$P"u --ipc private --pid container:"$P"u $IMAGE sh -c 'ps -o args | grep -c "[w]hile"; cat /proc/self/uid_map'
      d stop -t 20 "$P"u >/dev/null; state "$P"u
      say bridge; d run --rm $RUNTIME $IMAGE sh -c 'ip -o link | wc -l'
      say the namespace of the host; try run --rm --userns host $IMAGE cat /proc/self/uid_map`,
    expect: ['300000 300000', '33554432', 'user own', 'uid=1000(app)', '= 6', 'paused 0', 'exited 7', '4294967295'],
  },
];
