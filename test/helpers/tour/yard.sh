# Pid 1 of a yard: sh yard.sh PLACE ENGINE [ARGUMENT...], in new mount, pid, network, uts, ipc and cgroup namespaces.
# Nothing that is written here reaches the machine: /run, /etc, /var/lib, the names and the network are the yard's own, and what
# is the root of its cgroups is one group of the machine.
set -e
place=$1
shift
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$place/etc/upper" "$place/etc/work" "$place/tmp"
mount -t overlay -o "lowerdir=/etc,upperdir=$place/etc/upper,workdir=$place/etc/work" overlay /etc
mount -t tmpfs -o mode=755 tmpfs /var/lib
ip link set lo up
hostname yard

# The cgroup hierarchies that the machine has, each with this yard's own group as its top.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  umount -l /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir /sys/fs/cgroup/init
  for pid in $(cat /sys/fs/cgroup/cgroup.procs); do echo "$pid" >/sys/fs/cgroup/init/cgroup.procs; done
  for name in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$name" >/sys/fs/cgroup/cgroup.subtree_control; done
else
  mounted=$(sed -n 's,^cgroup2* /sys/fs/cgroup/\([^ ]*\) .*,\1,p' /proc/self/mounts)
  umount -R -l /sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for name in $mounted; do
    mkdir "/sys/fs/cgroup/$name"
    case $name in
      unified) mount -t cgroup2 cgroup2 "/sys/fs/cgroup/$name" ;;
      systemd) mount -t cgroup -o none,name=systemd cgroup "/sys/fs/cgroup/$name" ;;
      *) mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" ;;
    esac
  done
fi

export TMPDIR="$place/tmp"
"$@" >"$place/log" 2>&1 &
engine=$!
# The shell waits, and so reaps whoever lost its parent.
set +e
wait $engine
echo "the engine ended with $?" >>"$place/log"
while :; do sleep 3600 & wait; done
