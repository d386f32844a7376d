import type { Check } from '../../helpers/docker/checks.js';

/** Namespaces shared between containers, and with the host. */
export const SHARING_CHECKS: readonly Check[] = [
  {
    name: "sharing: namespaces of another container, of the host, of one's own",
    script: String.raw`
      run -d --name "$P"a --ipc shareable --hostname first $IMAGE sh -c 'ipcmk -Q 2>/dev/null; sleep 1000' >/dev/null
      all() { for kind in net ipc pid uts mnt user cgroup; do same $kind "$@"; done | tr '\n' ' '; echo; }
      show() { echo "with the first: $(all "$(pid "$1")" "$(pid "$P"a)")"; echo "with the host: $(all "$(pid "$1")" $$)"; }
      say own; run -d --name "$P"own $IMAGE sleep 1000 >/dev/null; show "$P"own
      say joined; d run -d $RUNTIME --name "$P"j --network container:"$P"a --ipc container:"$P"a --pid container:"$P"a $IMAGE sleep 1001 >/dev/null; show "$P"j
      d exec "$P"j sh -c 'ps -o args | grep -c "[s]leep 100"; hostname'
      say host; d run -d $RUNTIME --name "$P"h --network host --ipc host --pid host --uts host $IMAGE sleep 1000 >/dev/null; show "$P"h
      [ "$(d exec "$P"h hostname)" = "$(hostname)" ] && echo 'the host name'
      d exec "$P"h sh -c 'ls /proc 2>/dev/null' | grep -qx $$ && echo 'the processes of the host'
      say private; run --rm --ipc private --cgroupns private $IMAGE sh -c 'cut -d: -f3 /proc/self/cgroup | sort -u; readlink /proc/self/ns/cgroup | cut -c1-6; grep cgroup /proc/self/mountinfo | cut -d" " -f4- | sed "s/master:[0-9]*//" | sort'
      say the joined one lives on; d kill "$P"j >/dev/null; state "$P"a
      say joined to one that has ended; d kill "$P"a >/dev/null; try d run --rm $RUNTIME --network container:"$P"a $IMAGE true`,
    expect: [
      'with the host: net own ipc own pid own uts own mnt own',
      'with the first: net shared ipc shared pid shared uts own mnt own',
      'the host name',
      'the processes of the host',
      'cgroup',
    ],
  },
  {
    name: 'sharing: the bridge, a published port, a name',
    script: String.raw`
      case $RUNTIME in *reference*) port=8101 ;; *planted*) port=8103 ;; *) port=8102 ;; esac
      d network create "$P"net >/dev/null
      d run -d $RUNTIME --name "$P"web --network "$P"net --network-alias web -p $port:80 $IMAGE sh -c 'mkdir /w; echo page >/w/index.html; exec httpd -f -p 80 -h /w' >/dev/null
      fetch() { busybox wget -q -O - http://127.0.0.1:$port/; }; await fetch && fetch
      say inside; d run --rm $RUNTIME --network "$P"net $IMAGE sh -c 'wget -q -O - http://web/; ip -o link | wc -l; cat /proc/sys/net/ipv4/ip_forward; grep -c nameserver /etc/resolv.conf'
      d rm -f "$P"web >/dev/null; d network rm "$P"net >/dev/null`,
    expect: ['page\n# inside\npage\n2'],
  },
];
