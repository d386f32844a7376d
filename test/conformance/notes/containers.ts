import type { Step } from './steps.js';

/** A container's life, limits and what is read of it. */
export const CONTAINERS: readonly Step[] = [
  { line: 'docker run -it --name=busubox busybox', inside: ['exit'] },
  { line: 'docker run -it -name bbox1 -v /data busybox', see: [/unknown shorthand flag: 'n' in -name/], exit: 125 },
  { line: 'docker version', see: [/^Client:/m, /^Server: /m, /API version: +1\.\d+/] },
  { line: 'docker -v', see: [/^Docker version [\d.]+.*, build /m] },
  { line: 'docker info', see: [/Storage Driver: overlay2/, /Cgroup Version: [12]/] },
  { line: 'docker container run --name c1 -d --init -e ENV=1 -h hh busybox sleep 1000' },
  {
    line: 'docker container exec c1 sh -c "hostname; env; cat /proc/1/cmdline"',
    see: [/^hh$/m, /^ENV=1$/m, /docker-init|sleep/],
  },
  { line: 'nsenter -t $(docker inspect -f {{.State.Pid}} c1) -u hostname', see: [/^hh$/m] },
  { line: 'docker container top c1', see: [/UID +PID +PPID/, /sleep 1000/] },
  { line: 'docker container pause c1; docker ps', see: [/\(Paused\)/] },
  { line: 'docker container exec c1 true', see: [/is paused/], exit: 1 },
  {
    line: 'docker container unpause c1; docker container ps',
    unseen: /Paused/,
    see: [/CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES/],
  },
  { line: 'docker container stats --no-stream', see: [/MEM USAGE \/ LIMIT/, /c1 /] },
  {
    line: 'docker container cp c1:/etc/passwd /root/pw; docker container cp /root/pw c1:/pw; docker exec c1 cmp /pw /etc/passwd',
    see: [/Successfully copied 2\.05kB to \/root\/pw/],
  },
  {
    line: 'docker container stop c1; docker inspect -f {{.State.Status}}:{{.State.ExitCode}} c1',
    see: [/^exited:143$/m],
  },
  { line: 'docker container start c1; docker container inspect -f {{.State.Status}} c1', see: [/^running$/m] },
  {
    line: 'docker container rm c1',
    see: [/cannot remove container .*: container is running|You cannot remove a running container/],
    exit: 1,
  },
  { line: 'docker container kill c1; docker container logs c1; docker container rm c1' },
  {
    line: 'docker run --name stress -it --rm -m 256m lorel/docker-stress-ng stress --vm 2',
    until: /dispatching hogs: 2 vm/,
  },
  {
    line: 'docker run --name stress -d --rm -m 256m lorel/docker-stress-ng stress --vm 2; docker stats --no-stream --format "{{.MemUsage}}" stress',
    see: [/ \/ 256MiB/],
  },
  { line: 'docker rm -f stress' },
  {
    line: 'docker run --name stress -it --rm --cpus 2 lorel/docker-stress-ng stress --cpu 8',
    until: /dispatching hogs: 8 cpu/,
  },
  {
    line: 'docker run --name stress -d --rm --cpus 1.5 --cpu-shares 512 --cpuset-cpus 0 lorel/docker-stress-ng stress --cpu 1; docker inspect -f "{{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}}" stress',
    see: [/^1500000000 512$/m],
  },
  {
    line: 'docker exec stress grep Cpus_allowed_list /proc/self/status; docker rm -f stress',
    see: [/^Cpus_allowed_list:\t0$/m],
  },
  {
    line: 'docker run --rm -m 64m --memory-swap 0 busybox cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null | head -n 1',
    see: [/^67108864$/m],
  },
  {
    line: 'docker run --rm --memory-swap 128m busybox true',
    see: [/You should always set the Memory limit when using Memoryswap limit/i],
    exit: 125,
  },
  { line: 'docker run -dit --name conta_withssh ubuntu:14.04 /bin/bash' },
  {
    line: 'docker exec -it conta_withssh bash',
    inside: ["printf '#!/bin/sh\\n/usr/sbin/sshd -D\\n' >run.sh", 'chmod 755 run.sh', 'netstat -lnt', 'exit'],
  },
  { line: 'docker commit conta_withssh sshd:ubuntu', see: [/^sha256:[0-9a-f]{64}$/m] },
  { line: 'docker run --rm sshd:ubuntu ls -l run.sh', see: [/^-rwxr-xr-x .* run\.sh$/m] },
  {
    line: "docker container commit -a me -c 'CMD [\"ls\"]' -p conta_withssh my/web:1; docker inspect -f '{{.Author}} {{.Config.Cmd}}' my/web:1",
    see: [/^me \[ls\]$/m],
  },
  { line: 'docker rm -f conta_withssh busubox; docker ps -aq', see: [/^busubox\n@@/m] },
];
