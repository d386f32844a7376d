# Runs as the container's process (busybox sh) and prints what it sees, in sections. Errors are part of what it sees.
s() { echo "== $1"; }
p=$$
s fds; ls -ln /proc/$p/fd 2>&1
s fdowners; stat -L -c '%n %F %u %g %a' /proc/$p/fd/* 2>&1
s fdflags; grep -H flags /proc/$p/fdinfo/* 2>&1
exec 2>&1
s argv; tr '\0' '\n' < /proc/$p/cmdline
s env; tr '\0' '\n' < /proc/$p/environ
s cwd; readlink /proc/$p/cwd; pwd
s root; readlink /proc/$p/root
s exe; readlink /proc/$p/exe; cat /proc/$p/comm
s pid; [ $p = 1 ] && echo "pid 1: yes" || echo "pid 1: no"; echo "ppid $PPID" | sed 's/ppid [1-9].*/ppid of the host/'
s stat; sed 's/.*) //' /proc/$p/stat | { read -r _ ppid pgrp session tty tpgid _ _ _ _ _ _ _ _ _ pri nice threads _; for v in "pgrp $pgrp" "session $session" "tpgid $tpgid"; do [ "${v#* }" = $p ] && echo "${v% *} self" || echo "$v"; done; echo "tty $tty priority $pri nice $nice threads $threads"; }
s sched; sed 's/.*) //' /proc/$p/stat | { read -r line; set -- $line; shift 37; echo "rt $1 policy $2"; }
s status; grep -E '^(Umask|Uid|Gid|Groups|Sig[BI]|ShdPnd|Cap|NoNewPrivs|Seccomp|Speculation|Cpus_allowed_list|Mems_allowed_list|CoreDumping|THP|TracerPid|NStgid|NSsid)' /proc/$p/status
s limits; cat /proc/$p/limits
s oom; cat /proc/$p/oom_score_adj
s coredump; cat /proc/$p/coredump_filter
s dumpable; stat -c '%u %g' /proc/$p/stat
s cgroup; cat /proc/$p/cgroup
s idmaps; cat /proc/$p/uid_map /proc/$p/gid_map /proc/$p/setgroups
s loginuid; cat /proc/$p/loginuid; echo
s timens; cat /proc/$p/timens_offsets
s namespaces; ls -l /proc/$p/ns | sed -n 's/.* \([a-z_]*\) -> /\1 /p'
s init; cat /proc/1/comm
s mountinfo; cat /proc/$p/mountinfo
s raw; /raw-probe | od -An -v -tx1
s ionice; ionice -p $p
s uts; uname -n; cat /proc/sys/kernel/domainname
s arch; uname -m
s sysctl; grep -H . /proc/sys/kernel/msgmax /proc/sys/kernel/shm_rmid_forced /proc/sys/kernel/sem /proc/sys/fs/mqueue/msg_max /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range /proc/sys/net/core/somaxconn
s net; ip -o addr 2>&1 | sed 's/\\.*//;s/^[0-9]*: //'; cat /sys/class/net/lo/operstate
s rootdir; stat -c '%n %F %a %u %g' /* /data/* /data/*/* | sort
s dev; find /dev -path '/dev/pts/[0-9]*' -prune -o -print | sort | while read -r f; do stat -c '%n %F %a %u %g %t:%T' "$f"; [ -L "$f" ] && readlink "$f"; done
s devuse; for f in null zero full random urandom tty; do [ -e /dev/$f ] && (: < /dev/$f) 2>&1; echo "$f $?"; done; head -c 4 /dev/zero | od -An -tx1; (mknod /dev/probe b 7 0 && : < /dev/probe) 2>&1; rm -f /dev/probe
s paths; for f in /proc/acpi /proc/asound /proc/bus /proc/fs /proc/irq /proc/kcore /proc/keys /proc/latency_stats /proc/scsi /proc/sched_debug /proc/sys /proc/sysrq-trigger /proc/timer_list /sys/firmware /sys/fs/cgroup /data/file /data/dir /data/dir/inner /data/link; do if [ -e $f ]; then stat -c "%n %F %a %u:%g %t:%T" $f; touch -c $f 2>&1; [ -d $f ] && ls $f 2>&1 | head -n 3; else echo "$f is not there"; fi; done
s content; head -n 2 /data/file /data/dir/inner; cat /proc/sys/kernel/hostname
s writing; for f in /written /data/written /data/dir/written /tmp/written /dev/written /dev/shm/written /sys/written; do (: > $f) 2>&1 && stat -c '%n %u %g %a' $f && rm -f $f; done; (echo 1 > /proc/sys/net/ipv4/ip_default_ttl) 2>&1; (echo more >> /data/file) 2>&1; tail -n 1 /data/file
s mounting; mount -t tmpfs t /tmp; umount /tmp 2>/dev/null
if [ -e /probe-more ]; then s more; . /probe-more; fi
s end
