import type { Check } from '../../helpers/docker/checks.js';

/** What an engine does around a running container. */
export const UPKEEP_CHECKS: readonly Check[] = [
  {
    name: 'upkeep: health',
    script: String.raw`
      run -d --name "$P"h --health-cmd 'echo checked; test -e /ok || exit 3' --health-interval 300ms --health-retries 2 --health-timeout 15s $IMAGE sleep 1000 >/dev/null
      health() { d inspect -f '{{.State.Health.Status}}' "$1"; }
      becomes() { [ "$(health "$1")" = "$2" ]; }
      await becomes "$P"h unhealthy && health "$P"h
      d exec "$P"h touch /ok; await becomes "$P"h healthy && health "$P"h
      d inspect -f '{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}' "$P"h | sort | uniq
      say too slow; run -d --name "$P"t --health-cmd 'exec sleep 600' --health-interval 200ms --health-retries 1 --health-timeout 500ms $IMAGE sleep 1000 >/dev/null
      await becomes "$P"t unhealthy && health "$P"t
      d inspect -f '{{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}' "$P"t
      settled() { [ "$(wc -l <"$(group "$(pid "$P"t)" pids)/cgroup.procs")" -le 2 ]; }; await settled && echo 'the slow ones are killed'`,
    expect: ['unhealthy\nhealthy', '0 checked\n', '3 checked\n', 'exceeded timeout', 'the slow ones are killed'],
  },
  {
    name: 'upkeep: cp, commit, diff of a running container',
    script: String.raw`
      run -d --name "$P"c --tmpfs /mem $IMAGE sh -c 'echo kept >/root/kept; echo 1 >/mem/f; echo ready; exec sleep 1000' >/dev/null; await logged "$P"c ready
      mkdir in; echo content >in/file; ln -s file in/link
      try d cp in "$P"c:/srv; d exec "$P"c cat /srv/in/link
      try d cp "$P"c:/root/kept out; cat out
      say to a path of the host through a link; d exec "$P"c ln -s /etc/hostname /root/away; d cp -L "$P"c:/root/away away 2>&1 | grep -v Success; cmp -s away /etc/hostname && echo 'the file of the host' || echo 'not the file of the host'
      say diff; d diff "$P"c | sort
      say commit; d commit "$P"c "$P"image >/dev/null; state "$P"c
      d run --rm $RUNTIME --network none "$P"image sh -c 'cat /root/kept /srv/in/file; ls /mem' ; d rmi "$P"image >/dev/null
      say cp while paused; d pause "$P"c >/dev/null; try d cp in/file "$P"c:/tmp/late; d unpause "$P"c >/dev/null; d exec "$P"c cat /tmp/late`,
    expect: ['content\n', 'kept', 'not the file of the host', 'A /srv/in/file', 'running 0', 'kept\ncontent'],
  },
  {
    name: 'upkeep: events',
    script: String.raw`
      d events --since $(date +%s) --filter label=of="$P" --filter type=container \
        --format '{{.Actor.Attributes.name}} {{.Action}} {{.Actor.Attributes.exitCode}} {{.Actor.Attributes.signal}}' >all.events 2>/dev/null &
      listener=$!
      run -d --label of="$P" --name "$P"f -m 24m --memory-swap 24m $IMAGE sh -c 'while [ ! -e /go ]; do sleep 0.1; done; tail /dev/zero; exit 9' >/dev/null
      d exec "$P"f sh -c 'exit 3'; d pause "$P"f >/dev/null; d unpause "$P"f >/dev/null; d exec "$P"f touch /go; d wait "$P"f
      run -d --label of="$P" --name "$P"g $IMAGE sh -c 'echo ready; exec sleep 1000' >/dev/null; await logged "$P"g ready; d kill -s USR2 "$P"g >/dev/null; d stop -t 0 "$P"g >/dev/null
      d rm "$P"f "$P"g >/dev/null; await grep -q 'f destroy' all.events; await grep -q 'g destroy' all.events; kill $listener
      # the out-of-memory event is told by another thread than the rest; and dockerd tells of a pause twice when
      # containerd's word of it comes after the container was resumed
      for name in f g; do
        grep "^$P$name " all.events | grep -v oom | awk '!(/ (un)?pause / && told[$0]++)' | sed 's/exec_create.*/exec_create/; s/exec_start.*/exec_start/'; grep -c "^$P$name oom" all.events
      done`,
    expect: ['f exec_die 3', 'f pause', 'f die 9', 'g die 1', /g kill .* 9\n/, 'g destroy', '\n1\ng create'],
  },
  {
    name: 'upkeep: twenty at once',
    script: String.raw`
      for i in $(seq 1 20); do
        (run --rm --name "$P"m$i $IMAGE sh -c "echo number $i; exit $i" >m$i.out 2>m$i.err; echo "$i: $? $(cat m$i.out m$i.err)" >m$i.all) &
      done; wait; cat m*.all | sort -n
      say six programs in one; run -d --name "$P"x $IMAGE sleep 1000 >/dev/null
      for i in $(seq 1 6); do (d exec "$P"x sh -c "echo number $i; exit $i" >x$i.out 2>&1; echo "$i: $? $(cat x$i.out)" >x$i.all) & done; wait; cat x*.all | sort -n`,
    expect: ['20: 20 number 20\n# six programs in one\n1: 1 number 1', /6: 6 number 6$/],
  },
];
