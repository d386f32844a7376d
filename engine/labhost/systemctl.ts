/**
 * `systemctl start docker` and its like in a lab, where no systemd runs: the lab itself starts the engine at the first connection to its
 * socket, as systemd does by docker.socket, so that to stop it is to end its process and to start it is to ask it something. The words and
 * exit statuses are systemctl(1)'s. Every other unit is left to the machine's systemctl.
 */
const SYSTEMCTL = String.raw`#!/bin/sh
# systemctl of the lab: it knows docker.service, which the lab starts; all else is the machine's systemctl's.
verb= units=
for word; do
  case $word in
  -*) ;;
  *) if [ -z "$verb" ]; then verb=$word; else units="$units $word"; fi ;;
  esac
done
others() {
  for other in /usr/bin/systemctl /bin/systemctl; do
    [ ! -x "$other" ] || exec "$other" "$@"
  done
  echo "systemctl: no systemd runs in a lab; it knows docker.service only" >&2
  exit 1
}
[ "$verb" != daemon-reload ] || exit 0
case $units in
' docker' | ' docker.service') ;;
*) others "$@" ;;
esac
pid=$(cat /run/glassbox/engine.pid 2>/dev/null)
# a killed engine's number may be another process's by now
[ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q ' engine ' || pid=
stop() {
  [ -n "$pid" ] || return 0
  kill "$pid" || exit 1
  for tenth in $(seq 300); do
    [ -d "/proc/$pid" ] || return 0
    sleep 0.1
  done
  echo "Job for docker.service timed out: process $pid does not end." >&2
  exit 1
}
start() {
  # who was refused a moment ago is answered still: not of what was changed since
  [ -n "$pid" ] || sleep 0.3
  docker -H unix:///var/run/docker.sock version >/dev/null 2>&1 && return 0
  echo "Job for docker.service failed because the control process exited with error code." >&2
  echo "See \"tail /run/glassbox/engine.log\" for details." >&2
  exit 1
}
case $verb in
start) start ;;
stop)
  stop
  echo "Warning: Stopping docker.service, but it can still be activated by:" >&2
  echo "  docker.socket" >&2
  ;;
restart | try-restart | reload-or-restart)
  stop
  start
  ;;
is-active)
  if [ -n "$pid" ]; then echo active; else echo inactive; exit 3; fi
  ;;
status)
  echo "docker.service - the lab's container engine"
  [ -n "$pid" ] || { echo "     Active: inactive (dead); TriggeredBy: docker.socket"; exit 3; }
  echo "     Active: active (running)"
  echo "   Main PID: $pid ($(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c 1-100))"
  tail -n 10 /run/glassbox/engine.log
  ;;
*) others "$@" ;;
esac
`;

/** A shell line that puts it where the lab's root finds it first. A lab whose root cannot be written goes without. */
export function systemctlScript(): string {
  return `[ -e /usr/local/sbin/systemctl ] || { mkdir -p /usr/local/sbin && cat >/usr/local/sbin/systemctl <<'END' && chmod 755 /usr/local/sbin/systemctl
${SYSTEMCTL}END
} 2>/dev/null`;
}
