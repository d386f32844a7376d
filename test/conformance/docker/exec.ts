import type { Check } from '../../helpers/docker/checks.js';

/** A second program in a container that runs. */
export const EXEC_CHECKS: readonly Check[] = [
  {
    name: 'exec: exit codes, streams and terminals',
    script: String.raw`
      run -d --name "$P"e $IMAGE sleep 1000 >/dev/null
      say 0; try d exec "$P"e true
      say 3; try d exec "$P"e sh -c 'echo out; echo err >&2; exit 3'
      say killed; try d exec "$P"e sh -c 'kill -9 $$'
      say missing; try d exec "$P"e nosuch
      say missing path; try d exec "$P"e /no/such
      say not executable; try d exec "$P"e /plain
      say directory; try d exec -w /no/such "$P"e pwd
      say no such user; try d exec -u nobody-here "$P"e true
      say input; echo hello | try d exec -i "$P"e cat
      head -c 300000 /dev/urandom >big; md5sum <big >sum
      d exec -i "$P"e cat <big | md5sum | cmp - sum && echo equal
      say -it; at_terminal see:ready size:50x90 see:resized type:'bye\n' -- \
        $ENGINE exec -it "$P"e sh -c 'tty; until stty size 2>/dev/null | grep -q "24 80"; do sleep 0.05; done; sleep 0.5; echo ready; until stty size 2>/dev/null | grep "50 90"; do sleep 0.05; done; echo resized; read x; echo "read $x"; exit 4'
      echo "= $?"
      say -t; try d exec -t "$P"e sh -c 'tty; echo err >&2' | od -c
      say -d; d exec -d "$P"e sh -c 'echo $$ >/left; sleep 500'; await d exec "$P"e test -s /left
      d exec "$P"e sh -c 'ps -o args | grep -c "^sleep 500"'
      state "$P"e`,
    expect: [
      '# 3\n| out\n! err\n= 3',
      '# killed\n= 137',
      /# missing\n[\s\S]*= 12[67]\n# missing path/,
      /# not executable\n[\s\S]*= 126/,
      '# input\n| hello\nequal',
      'read bye\n= 4',
      '50 90',
      'running 0',
    ],
  },
  {
    name: 'exec: what the program gets',
    script: String.raw`
      run -d --name "$P"e -u app -e A=1 -w /tmp --cap-drop NET_RAW --ulimit nofile=200:200 --oom-score-adj 300 \
        --pids-limit 50 $IMAGE sleep 1000 >/dev/null
      say as it is; try d exec "$P"e look
      say changed; try d exec -e A=2 -e B=3 -w /var -u 1000:2001 "$P"e sh -c 'pwd; id; env | sort'
      say root; try d exec -u 0 "$P"e sh -c 'id; grep Cap /proc/self/status; echo; echo $HOME'
      say privileged; try d exec --privileged "$P"e grep Cap /proc/self/status
      say its group; d exec -d "$P"e sleep 777; p=$(pid "$P"e)
      other() { pgrep -P "$(ps -o ppid= -p $p | tr -d ' ')" -x sleep | grep -vx $p; }
      await other; q=$(other)
      [ "$(sort /proc/$p/cgroup)" = "$(sort /proc/$q/cgroup)" ] && echo same cgroups
      for kind in mnt pid net uts ipc user cgroup; do same $kind $p $q; done
      echo "oom_score_adj $(cat /proc/$q/oom_score_adj)"
      say a container that ended; d kill "$P"e >/dev/null; try d exec "$P"e true`,
    expect: [
      '/var',
      'uid=1000(app) gid=2001',
      'A=2',
      'same cgroups',
      'mnt shared',
      'user shared',
      'oom_score_adj 300',
      '= 1',
    ],
  },
];
