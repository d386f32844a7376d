#!/bin/sh
# run.sh [TEST-FILE … | -- COMMAND …]: run test files, or a shell command, in a virtual machine with Debian 12's own
# kernel (6.1), cgroup v2 alone and an ext4 root. Prints what they print; exit status is theirs, 124 when time ran out.
#
#   GLASSBOX_VM_DIR=DIR     keep image and kernel there and use them again (default: a scratch folder, removed at the end)
#   GLASSBOX_VM_KERNEL=PKG  another linux-image package, or a path of a .deb
#   GLASSBOX_VM_TIMEOUT=S   bound on the whole run in the machine, default 1800
#   GLASSBOX_VM_ACCEL=kvm   where KVM works; default tcg, which is slow (about ten times) and works everywhere
set -eu
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
timeout=${GLASSBOX_VM_TIMEOUT:-1800}

die() { printf 'vm: %s\n' "$*" >&2; exit 2; }
[ "$(id -u)" = 0 ] || die 'needs root: the image keeps the owners of files'
for program in qemu-system-x86_64 mkfs.ext4 busybox depmod apt-get; do
  command -v "$program" >/dev/null || die "$program is missing: apt-get install qemu-system-x86 e2fsprogs busybox-static kmod"
done

scratch=${GLASSBOX_VM_DIR:-}
if [ -z "$scratch" ]; then
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/glassbox-vm-XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  trap 'exit 130' INT TERM HUP
fi
mkdir -p "$scratch"
if [ ! -e "$scratch/complete" ]; then
  "$here/image.sh" "$scratch"
  touch "$scratch/complete"
fi

# The project as it stands, without its history, and the job.
tree=$scratch/project.d
rm -rf "$tree" "$scratch/project.img"
mkdir "$tree"
tar -C "$project" --exclude=./.git --exclude='./node_modules/@biomejs' --exclude='./node_modules/typescript' -cf - . | tar -C "$tree" -xf -
chown -R 0:0 "$tree"
if [ "${1:-}" = -- ]; then
  shift
  printf '%s\n' "$*" >"$tree/.vm-job"
else
  { echo "exec node --import tsx --test --test-concurrency=1 --test-reporter=spec $*"; } >"$tree/.vm-job"
fi
truncate -s 1G "$scratch/project.img"
mkfs.ext4 -q -F -L project -d "$tree" "$scratch/project.img"
rm -rf "$tree"

accel=${GLASSBOX_VM_ACCEL:-tcg}
cpu=max
[ "$accel" = kvm ] && cpu=host
log=$scratch/console.log
: >"$log"
# -snapshot: what is written goes to a temporary file, so that every run starts from the same image
TMPDIR=$scratch timeout --kill-after=10 "$timeout" qemu-system-x86_64 \
  -accel "$accel" -cpu "$cpu" -smp 2 -m 3072 -no-reboot -nodefaults -display none -serial stdio -snapshot \
  -kernel "$scratch/vmlinuz" -initrd "$scratch/initrd" -append 'console=ttyS0 quiet panic=-1 random.trust_cpu=on' \
  -drive "file=$scratch/root.img,format=raw,if=virtio" -drive "file=$scratch/project.img,format=raw,if=virtio" \
  </dev/null 2>&1 | tr -d '\r' | tee "$log" | grep --line-buffered -v '^GLASSBOX-VM-EXIT' || true
code=$(sed -n 's/^GLASSBOX-VM-EXIT \([0-9]*\)$/\1/p' "$log" | tail -n 1)
rm -f "$scratch/project.img"
if [ -z "$code" ]; then printf 'vm: the machine did not reach the end of the job\n' >&2; exit 124; fi
exit "$code"
