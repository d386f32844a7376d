import type { Check } from '../../helpers/docker/checks.js';

/** What a container sees of itself, by the image's `look`, under the options that change it. */
export const SIGHT_CHECKS: readonly Check[] = [
  {
    name: 'sight: without options, and with a terminal',
    script: String.raw`
      say plain; try run --rm $IMAGE look
      say terminal; at_terminal -- $ENGINE run $RUNTIME --rm -it --network none $IMAGE look`,
    expect: [
      'CapEff:\t00000000a80425fb',
      'Seccomp:\t2',
      'NoNewPrivs:\t0',
      '/proc/sys/vm/overcommit_memory: Read-only file system',
      '/dev/pts',
      'pid 1 (look)',
      'TERM=xterm',
    ],
  },
  {
    name: 'sight: identity and capabilities',
    script: String.raw`
      say user; try run --rm --user app --group-add more $IMAGE look
      say numbers; try run --rm --user 4000:4001 --group-add 4002 --workdir /made/here $IMAGE sh -c 'id; pwd; ls -ldn . | cut -c1-30; echo $HOME; grep Cap /proc/self/status'
      say few; try run --rm --cap-drop ALL --cap-add NET_BIND_SERVICE --cap-add KILL $IMAGE grep Cap /proc/self/status
      say many; try run --rm --cap-add SYS_ADMIN --cap-add NET_ADMIN $IMAGE sh -c 'grep Cap /proc/self/status; mount -t tmpfs x /tmp && echo mounted; hostname changed && hostname; ip link add type dummy 2>&1 | head -1'
      say a user keeps none; try run --rm --user app --cap-add SYS_ADMIN $IMAGE grep Cap /proc/self/status
      say su works; try run --rm --user app $IMAGE su -c id
      say and not without new privileges; try run --rm --user app --security-opt no-new-privileges $IMAGE sh -c 'su -c id; grep NoNewPrivs /proc/self/status'`,
    expect: [
      'Groups:\t1000 2000 2001',
      'CapEff:\t0000000000000000',
      '/made/here',
      'mounted',
      'changed',
      '# su works\n| uid=0',
      'NoNewPrivs:\t1',
    ],
  },
  {
    name: 'sight: seccomp',
    script: String.raw`
      cat >deny.json <<'END'
      {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":71},
        {"names":["chmod","fchmodat"],"action":"SCMP_ACT_ERRNO"},
        {"names":["rmdir"],"action":"SCMP_ACT_KILL"},
        {"names":["sethostname"],"action":"SCMP_ACT_TRAP"},
        {"names":["personality"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":8,"op":"SCMP_CMP_EQ"}]}]}
END
      say default; try run --rm $IMAGE sh -c 'unshare -U true; grep Seccomp /proc/self/status'
      say unconfined; try run --rm --security-opt seccomp=unconfined $IMAGE sh -c 'unshare -U true; grep Seccomp /proc/self/status'
      say own; try run --rm --cap-add SYS_ADMIN --security-opt seccomp=deny.json $IMAGE sh -c 'mkdir /x; chmod 600 /plain; (rmdir /tmp); echo $?; (hostname x); echo $?; linux32 true; setarch linux64 true; grep Seccomp /proc/self/status'
      say exec has it too; run -d --name "$P"e --security-opt seccomp=deny.json $IMAGE sleep 1000 >/dev/null; try d exec "$P"e mkdir /x
      say wrong; echo '{"defaultAction":"SCMP_ACT_NO_SUCH"}' >wrong.json; try run --rm --security-opt seccomp=wrong.json $IMAGE true`,
    expect: [
      'unshare: unshare(0x10000000): Operation not permitted',
      'Seccomp:\t0',
      "! mkdir: can't create directory '/x': Protocol error",
      '| 159',
      'Operation not permitted',
    ],
  },
  {
    name: 'sight: file systems',
    script: String.raw`
      mkdir host host/sub; echo outside >host/file; echo other >other
      say read-only; try run --rm --read-only --tmpfs /scratch:rw,size=1m,mode=1770,noexec -v $WORK/host:/ro:ro -v $WORK/host:/rw \
        --mount type=bind,src=$WORK/other,dst=/etc/hostname --mount type=tmpfs,dst=/t2,tmpfs-size=65536 --mount type=volume,dst=/srv/vol $IMAGE sh -c '
          look; cat /ro/file /etc/hostname; echo in >/rw/inside; for f in /ro/x /etc/y /scratch/z /srv/vol/v; do (echo >$f) 2>&1; done
          df -k /scratch /t2 | awk "{print \$2, \$6}"; ls -ld /scratch | cut -c1-10; (cp /bin/busybox /scratch/true; /scratch/true) 2>&1'
      cat host/inside
      say propagation; mkdir m; mount -t tmpfs x m; mount --make-shared m; mkdir m/late m/back
      for kind in rprivate rslave rshared; do
        run -d --cap-add SYS_ADMIN --security-opt seccomp=unconfined --name "$P"$kind --mount type=bind,src=$WORK/m,dst=/m,bind-propagation=$kind $IMAGE sleep 1000 >/dev/null
      done
      mount -t tmpfs y m/late; echo seen >m/late/f
      for kind in rprivate rslave rshared; do echo "$kind: $(d exec "$P"$kind sh -c 'cat /m/late/f 2>&1; grep " /m " /proc/self/mountinfo | grep -oE "shared|master"' | tr '\n' ' ')"; done
      d exec "$P"rshared mount -t tmpfs z /m/back; grep -c "$WORK/m/back" /proc/self/mountinfo
      d rm -f "$P"rshared "$P"rslave "$P"rprivate >/dev/null; umount -R m
      say links are followed within the root only
      run --name "$P"l $IMAGE sh -c 'ln -s / /var/away; ln -s ../../../../../tmp /var/climb'; d commit "$P"l "$P"linked >/dev/null
      d run $RUNTIME --rm --network none -v $WORK/host:/var/away/through -v $WORK/host:/var/climb/through "$P"linked sh -c 'ls -d /through /tmp/through; cat /through/file'
      ls -d /through /tmp/through 2>&1; d rmi "$P"linked >/dev/null`,
    expect: [
      '/x: Read-only file system',
      "can't create /ro/x: Read-only file system",
      'outside',
      '\nin\n',
      '64 /t2',
      'Permission denied',
      'rprivate: ',
      'rslave: seen master',
      'rshared: seen shared',
      '/through\n/tmp/through\noutside',
    ],
  },
  {
    name: 'sight: options with a value',
    script: String.raw`
      try run --rm --hostname glass --domainname box --sysctl net.ipv4.ip_unprivileged_port_start=81 --sysctl kernel.msgmax=1234 \
        --ulimit nofile=100:200 --ulimit core=0 --ulimit nproc=77 --shm-size 3m --oom-score-adj 500 --env A=1 --env B= \
        --device /dev/kmsg:/dev/messages:r --device /dev/full:/dev/brim --cap-add SYSLOG $IMAGE sh -c '
        look; cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax /proc/sys/kernel/domainname; df -k /dev/shm | tail -1 | cut -c20-60
        (: </dev/messages) && echo readable; (echo x >/dev/messages) 2>&1; (echo x >/dev/brim) 2>&1'
      say devices by rule; try run --rm --device-cgroup-rule 'c 1:11 r' --cap-add MKNOD --cap-add SYSLOG $IMAGE sh -c 'mknod /z c 1 11; (: </z) && echo readable; (echo x >/z) 2>&1; mknod /k c 1 2; cat /k 2>&1; mknod /d b 8 0; head -c 1 /d 2>&1'
      say no init; run --rm $IMAGE sh -c 'cat /proc/1/comm'
      say init; run -d --init --name "$P"i $IMAGE sh -c 'echo ready; sleep 1000' >/dev/null; await logged "$P"i ready
      d exec "$P"i sh -c 'cat /proc/1/comm; (sleep 0.01 & exec sleep 0.02) ; sleep 0.2; ps -o stat,comm | grep -c Z'
      d stop -t 20 "$P"i >/dev/null; state "$P"i
      say oom score below; try run --rm --oom-score-adj=-500 $IMAGE cat /proc/self/oom_score_adj | sed 's/\(unable to start container process\):.*/\1/'`,
    expect: [
      'glass',
      '81\n',
      '1234',
      'box',
      'oom_score_adj 500',
      /Max open files +100 +200/,
      '/dev/messages: Operation not permitted',
      'No space left on device',
      '/z: Operation not permitted',
      "can't open",
      '# init\n',
      'exited 143',
    ],
  },
];
