#!/bin/sh
# image.sh SCRATCH: make SCRATCH/{vmlinuz,initrd,root.img}: Debian's own kernel and a root file system of this machine's
# packages. Needs root (owners of files), a Debian 12 with apt-get, e2fsprogs, kmod and busybox-static.
# GLASSBOX_VM_KERNEL names another linux-image package or a .deb file.
set -eu
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
packages='init-system-helpers base-files base-passwd bash coreutils dash debianutils diffutils findutils grep gzip hostname
login passwd mawk mount ncurses-base perl-base procps psmisc sed sysvinit-utils tar util-linux util-linux-extra kmod e2fsprogs
uidmap libc-bin apt iproute2 iptables nftables busybox-static bridge-utils net-tools iputils-ping python3-minimal nodejs'

say() { printf '%s\n' "$*" >&2; }

kernel_package() {
  if [ -n "${GLASSBOX_VM_KERNEL:-}" ]; then echo "$GLASSBOX_VM_KERNEL"; return; fi
  apt-cache search --names-only '^linux-image-6\.1\.[0-9-]+-cloud-amd64$' | cut -d' ' -f1 | sort -V | tail -n 1
}

unpack_kernel() {
  package=$(kernel_package)
  [ -n "$package" ] || { say 'no linux-image-6.1.*-cloud-amd64 in the package lists: run apt-get update'; exit 1; }
  case $package in
    */*.deb) deb=$package ;;
    *) (cd "$scratch" && apt-get -qq download "$package" 2>/dev/null)
       deb=$(ls "$scratch/${package}"_*.deb) ;;
  esac
  say "kernel: $(basename "$deb")"
  dpkg -x "$deb" "$scratch/kernel"
  cp "$scratch"/kernel/boot/vmlinuz-* "$scratch/vmlinuz"
  version=$(ls "$scratch/kernel/lib/modules")
  depmod -b "$scratch/kernel" "$version"
}

# Only what is needed to find the root disk: everything else is loaded from it. ext4 is built in.
make_initrd() {
  tree=$scratch/initrd.d
  mkdir -p "$tree/bin" "$tree/proc" "$tree/dev" "$tree/root" "$tree/modules"
  cp "$(command -v busybox)" "$tree/bin/busybox"
  modprobe -d "$scratch/kernel" -S "$version" --show-depends -a virtio_pci virtio_blk ext4 2>/dev/null |
    awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$scratch/modules"
  : >"$tree/modules/order"
  while read -r module; do
    cp "$module" "$tree/modules/"
    basename "$module" >>"$tree/modules/order"
  done <"$scratch/modules"
  cp "$here/initrd-init" "$tree/init"
  chmod 755 "$tree/init"
  (cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$scratch/initrd"
}

# The files of the packages and of all that they depend on, as this machine has them; no documentation, no translations.
make_root() {
  tree=$scratch/root.d
  installed=$(for name in $packages; do dpkg-query -W -f '${Package}\n' "$name" 2>/dev/null || say "not here, left out: $name"; done)
  # shellcheck disable=SC2086 # a list of words
  closure=$(apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances $installed |
    grep '^[a-z0-9]' | cut -d: -f1 | sort -u)
  mkdir -p "$tree"
  for directory in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$directory" ]; then mkdir -p "$tree/usr/$directory"; ln -s "usr/$directory" "$tree/$directory"; fi
  done
  {
    for name in $closure; do cat "/var/lib/dpkg/info/$name.list" "/var/lib/dpkg/info/$name:"*.list 2>/dev/null || true; done
    find /usr/bin /usr/sbin -lname '/etc/alternatives/*'
  } | grep -Ev '^/(usr/share/(doc|man|locale|info|lintian|bash-completion)|usr/lib/node_modules|usr/include|boot|var/cache|etc)(/|$)' |
    awk '!/^\/(bin|sbin|lib|lib32|lib64|libx32|\.)$/ && !seen[$0]++' >"$scratch/files"
  tar -C / --no-recursion --ignore-failed-read --warning=no-failed-read -cf - -T "$scratch/files" 2>/dev/null |
    tar -C "$tree" --keep-directory-symlink -xpf -
  tar -C / --exclude=etc/ssh --exclude=etc/ssl/private --exclude='etc/*shadow*' -cf - etc | tar -C "$tree" -xpf -
  printf 'root:*:19000:0:99999:7:::\n' >"$tree/etc/shadow"
  if [ ! -e "$tree/usr/bin/node" ]; then install -D "$(readlink -f "$(command -v node)")" "$tree/usr/local/bin/node"; fi
  for directory in proc sys dev run tmp root home mnt opt/glassbox var/tmp var/lib/glassbox; do mkdir -p "$tree/$directory"; done
  chmod 1777 "$tree/tmp" "$tree/var/tmp"
  chmod 700 "$tree/root"
  cp -a "$scratch/kernel/lib/modules" "$tree/usr/lib/"
  chown -R 0:0 "$tree/usr/lib/modules"
  if ! grep -q '^learner:' "$tree/etc/passwd"; then
    echo 'learner:x:2000:2000::/home/learner:/bin/bash' >>"$tree/etc/passwd"
    echo 'learner:x:2000:' >>"$tree/etc/group"
  fi
  echo 'learner:100000:65536' >"$tree/etc/subuid"
  echo 'learner:100000:65536' >"$tree/etc/subgid"
  mkdir -p "$tree/home/learner"
  chown 2000:2000 "$tree/home/learner"
  cp "$here/guest-init" "$tree/sbin/guest-init"
  chmod 755 "$tree/sbin/guest-init"
  truncate -s 3G "$scratch/root.img"
  mkfs.ext4 -q -F -L root -d "$tree" "$scratch/root.img"
  say "root: $(du -sh "$scratch/root.img" | cut -f1)"
}

unpack_kernel
make_initrd
make_root
rm -rf "$scratch/root.d" "$scratch/initrd.d"
