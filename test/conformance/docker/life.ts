import type { Check } from '../../helpers/docker/checks.js';

const TRAP = String.raw`trap "echo got USR1" USR1; trap "echo got INT; exit 5" INT; trap "echo got TERM; exit 7" TERM; echo ready; while :; do sleep 0.1; done`;

/** From created to removed: signals, stopping, pausing, starting again. */
export const LIFE_CHECKS: readonly Check[] = [
  {
    name: 'life: signals, stop, wait, start again',
    script: String.raw`
      run -d --name "$P"s $IMAGE sh -c '${TRAP}' >/dev/null; await logged "$P"s ready
      say kill -s; d kill -s USR1 "$P"s >/dev/null; await logged "$P"s USR1
      say stop that is heard; d stop -t 20 "$P"s >/dev/null; try d wait "$P"s; state "$P"s
      say started again; d start "$P"s >/dev/null; readies() { [ "$(d logs "$P"s | grep -c ready)" = $1 ]; }; await readies 2; state "$P"s
      say restart; d restart -t 20 "$P"s >/dev/null; state "$P"s
      say kill; await readies 3; d kill "$P"s >/dev/null; d wait "$P"s; state "$P"s
      d logs "$P"s | sort | uniq -c | sed 's/ready/&/'
      say stop that is not heard
      run -d --name "$P"deaf --init=false $IMAGE sh -c 'echo ready; exec sleep 1000' >/dev/null; await logged "$P"deaf ready
      began=$(date +%s%N); d stop -t 1 "$P"deaf >/dev/null; state "$P"deaf
      [ $(( ($(date +%s%N) - began) / 1000000 )) -ge 1000 ] && echo 'a second passed'
      say kill what has ended; try d kill "$P"deaf
      say another stop signal
      run -d --name "$P"int --stop-signal INT $IMAGE sh -c '${TRAP}' >/dev/null; await logged "$P"int ready
      d stop -t 20 "$P"int >/dev/null; state "$P"int; d logs "$P"int
      say removed by force; run -d --name "$P"rm $IMAGE sleep 1000 >/dev/null; p=$(pid "$P"rm)
      d rm -f "$P"rm >/dev/null; [ -e /proc/$p ] || echo gone
      say --rm; run -d --rm --name "$P"auto $IMAGE sleep 0.3 >/dev/null
      gone() { ! d inspect "$P"auto; }; await gone && echo gone`,
    expect: [
      '# stop that is heard\n| 7\nexited 7',
      'got USR1',
      'running 0',
      'exited 137',
      'a second passed',
      'got INT',
      'exited 5',
      '# removed by force\ngone',
    ],
  },
  {
    name: 'life: a container that ends takes its processes along',
    script: String.raw`
      run -d --name "$P"f $IMAGE sh -c 'trap "exit 3" USR1; sleep 900 & (setsid sleep 901 &) ; echo ready; wait' >/dev/null
      await logged "$P"f ready; dir=$(group "$(pid "$P"f)" pids); sort -n $dir/cgroup.procs | wc -l
      d kill -s USR1 "$P"f >/dev/null; d wait "$P"f; state "$P"f
      empty() { ! [ -d "$dir" ]; }; await empty && echo 'cgroup gone'
      say shared pid namespace
      run -d --name "$P"h --pid host $IMAGE sh -c 'sleep 902 & echo ready; sleep 1000' >/dev/null; await logged "$P"h ready
      dir=$(group "$(pid "$P"h)" pids); processes=$(cat $dir/cgroup.procs)
      d rm -f "$P"h >/dev/null; for p in $processes; do [ -e /proc/$p ] && echo "left $(cat /proc/$p/comm)"; done
      await empty && echo 'cgroup gone'`,
    expect: [/^3\n3\nexited 3/, 'cgroup gone\n# shared pid namespace\ncgroup gone'],
  },
  {
    name: 'life: pause',
    script: String.raw`
      run -d --name "$P"p $IMAGE sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done' >/dev/null; await logged "$P"p 3
      d pause "$P"p >/dev/null; state "$P"p
      limit "$P"p freezer/freezer.state cgroup.freeze
      before=$(d logs "$P"p | wc -l); sleep 0.4; after=$(d logs "$P"p | wc -l); echo "went on by $((after - before))"
      say exec; try d exec "$P"p true
      say pause again; try d pause "$P"p
      say top; d top "$P"p -o pid,comm | awk '{print $2}' | grep -x sh
      d unpause "$P"p >/dev/null; state "$P"p
      limit "$P"p freezer/freezer.state cgroup.freeze
      goes_on() { [ $(d logs "$P"p | wc -l) -gt $after ]; }; await goes_on && echo 'goes on'
      say unpause again; try d unpause "$P"p
      say removed while paused; d pause "$P"p >/dev/null; d rm -f "$P"p >/dev/null; try d inspect "$P"p`,
    expect: [
      'paused 0',
      /went on by 0\n/,
      /# exec\n[\s\S]*= 1/,
      'running 0',
      'goes on',
      /# removed while paused\n\| \[\]/,
    ],
  },
  {
    name: 'life: a container made first and started later, restart policies',
    script: String.raw`
      d create $RUNTIME --network none --name "$P"c $IMAGE sh -c 'echo hello; exit 4' >/dev/null; state "$P"c
      try d start -a "$P"c; state "$P"c; try d start -a "$P"c
      run -d --name "$P"r --restart on-failure:2 $IMAGE sh -c 'echo once; exit 6' >/dev/null
      ended() { [ "$(d inspect -f '{{.RestartCount}} {{.State.Status}}' "$P"r)" = '2 exited' ]; }; await ended && state "$P"r
      d logs "$P"r`,
    expect: ['created 0', '| hello\n= 4', 'exited 6', 'once\nonce\nonce'],
  },
];
