# What a check's script can use. Given: ENGINE, the command line before the subcommand; RUNTIME, flags of `run`; P, the prefix
# of every container's name; WORK, a directory of its own; IMAGE; TERMINAL, the program that sits at a terminal.
d() { $ENGINE "$@"; }
run() { d run $RUNTIME --network none "$@"; }
say() { printf '# %s\n' "$*"; }

# Run a command and show its output (|), its errors (!), and its exit status unless it is 0 (=).
try() {
  "$@" >"$WORK/.out" 2>"$WORK/.err"
  code=$?
  sed 's/^/| /;$a\' "$WORK/.out"
  sed 's/^/! /;$a\' "$WORK/.err"
  [ $code -eq 0 ] || echo "= $code"
}

# Wait until a command succeeds, for 45 seconds at most.
await() {
  waited=0
  until "$@" >/dev/null 2>&1; do
    waited=$((waited + 1))
    [ $waited -lt 450 ] || { echo "waited in vain for: $*"; return 1; }
    sleep 0.1
  done
}
state() { d inspect -f '{{.State.Status}} {{.State.ExitCode}} oom={{.State.OOMKilled}}' "$1"; }
pid() { d inspect -f '{{.State.Pid}}' "$1"; }
is() { [ "$(d inspect -f "{{.State.$2}}" "$1")" = "$3" ]; }
logged() { d logs "$1" 2>&1 | grep -q "$2"; }
at_terminal() { python3 "$TERMINAL" "$@"; }

# The directory of a container's cgroup: `group PID v1-controller` or, where there is only v2, its one group.
group() {
  path=$(sed -n "s/^[0-9]*:\([^:]*,\)\{0,1\}$2\(,[^:]*\)\{0,1\}://p" "/proc/$1/cgroup")
  if [ -n "$path" ]; then echo "/sys/fs/cgroup/$2$path"; else echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")"; fi
}

# `limit CONTAINER v1-controller/file v2-file`: what the kernel holds.
limit() {
  dir=$(group "$(pid "$1")" "${2%%/*}")
  if [ -e "$dir/${2#*/}" ]; then file=${2#*/}; else file=$3; fi
  echo "$file: $(tr '\n' ' ' <"$dir/$file")"
}

# `same KIND PID PID`: whether two processes share a namespace.
same() {
  if [ "$(readlink "/proc/$2/ns/$1")" = "$(readlink "/proc/$3/ns/$1")" ]; then echo "$1 shared"; else echo "$1 own"; fi
}
