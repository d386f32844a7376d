import type { Step } from './steps.js';

/** Volumes and images. */
export const OBJECTS: readonly Step[] = [
  { line: 'docker run --name b1 -it -v /data busybox', inside: ['echo kept >/data/x', 'exit'] },
  {
    line: 'docker inspect -f {{.Mounts}} b1',
    see: [/^\[\{volume ([0-9a-f]{64}) \S+\/volumes\/\1\/_data \/data local {2}true \}\]$/m],
  },
  { line: 'cat $(docker inspect -f "{{(index .Mounts 0).Source}}" b1)/x', see: [/^kept$/m] },
  { line: 'docker rm b1; docker volume ls', see: [/local +[0-9a-f]{64}/] },
  { line: 'docker volume inspect $(docker volume ls -q)', see: [/"Mountpoint": ".*\/_data"/] },
  {
    line: 'docker run --name b1 -it -v /home/ajin_w/docker/volumes:/data --rm busybox',
    inside: ['touch /data/y', 'exit'],
  },
  { line: 'ls /home/ajin_w/docker/volumes', see: [/^y$/m] },
  { line: 'docker run -it -v HOSTDIR:VOLUMEDIR --name b2 busybox', see: [/mount path must be absolute/], exit: 125 },
  { line: 'docker run -it --name c1 -v /docker/vol:/data busybox:latest', inside: ['echo from-c1 >/data/f', 'exit'] },
  {
    line: 'docker run -it --name c2 -v /docker/vol:/data busybox:latest',
    inside: ['cat /data/f', 'exit'],
    see: [/^from-c1$/m],
  },
  { line: 'docker inspect -f {{.Mounts}} c2', see: [/^\[\{bind {2}\/docker\/vol \/data {3}true rprivate\}\]$/m] },
  {
    line: 'docker run --name infracon -itd -v /home/ajin_w/docker/volumes/infracon:/data/web/html busybox; echo page >/home/ajin_w/docker/volumes/infracon/index.html',
  },
  {
    line: 'docker run --name nginx --network container:infracon --volumes-from infracon -it --rm busybox',
    inside: ['cat /data/web/html/index.html', 'exit'],
    see: [/^page$/m],
  },
  { line: 'docker run -dit --name dbdata -v /linkface/dockerdir:/dbdata centos /bin/bash' },
  { line: 'docker run -dit --name db1 --volumes-from dbdata nginx:1.7 /bin/bash' },
  { line: 'docker exec dbdata touch /dbdata/one; docker exec db1 ls /dbdata', see: [/^one$/m] },
  {
    line: 'cd /root; docker run --volumes-from dbdata -v $(pwd):/backup centos tar cvf /backup/backup.tar /dbdata',
    see: [/^dbdata\/one$/m],
  },
  { line: 'tar tf backup.tar', see: [/^dbdata\/one$/m] },
  { line: 'docker rm -f $(docker ps -aq) >/dev/null; docker volume ls -q; docker ps -aq' },
  { line: 'docker run -it --name=busubox busubox', see: [/Unable to find image 'busubox:latest' locally/], exit: 125 },
  {
    line: 'docker image tag busybox:latest a.b/c:1; docker image ls -a',
    see: [/^a\.b\/c +1 +[0-9a-f]{12}/m, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/m],
  },
  { line: 'docker image save -o /root/bb.tar a.b/c:1; docker image rm a.b/c:1', see: [/^Untagged: a\.b\/c:1$/m] },
  { line: 'docker image load -i /root/bb.tar', see: [/^Loaded image: a\.b\/c:1$/m] },
  { line: 'docker image ls -q', see: [/^[0-9a-f]{12}$/m] },
  { line: 'docker image inspect -f "{{len .RootFS.Layers}}" a.b/c:1', see: [/^1$/m] },
  { line: 'docker image pull busybox', see: [/^docker\.io\/library\/busybox:latest$/m] },
];

/** The engine's own settings, as one changes and loads them anew. */
export const DAEMON: readonly Step[] = [
  {
    line: `printf '{ "bip": "10.0.0.1/16", "registry-mirrors": ["https://registry.docker-cn.com"] }' >/etc/docker/daemon.json`,
  },
  { line: 'systemctl daemon-reload && systemctl restart docker' },
  { line: 'ifconfig docker0', see: [/inet 10\.0\.0\.1 {2}netmask 255\.255\.0\.0/] },
  { line: 'docker info', see: [/Registry Mirrors:\n {2}https:\/\/registry\.docker-cn\.com/] },
  { line: 'docker run --rm busybox ip addr', see: [/inet 10\.0\.0\.2\/16/] },
  { line: `printf '{ "hosts": ["tcp://0.0.0.0:2375","unix:///var/run/docker.sock"] }' >/etc/docker/daemon.json` },
  {
    line: 'mkdir -p /etc/systemd/system; printf "[Service]\\nExecStart=\\nExecStart=/usr/bin/dockerd -H fd://\\n" >/etc/systemd/system/docker.service',
  },
  { line: 'systemctl restart docker', see: [/Job for docker\.service failed/], exit: 1 },
  { line: 'docker ps', see: [/specified both as a flag and in the configuration file: hosts: /], exit: 1 },
  { line: "sed -i 's# -H fd://##' /etc/systemd/system/docker.service" },
  { line: 'systemctl restart docker' },
  { line: 'ss -tnl', see: [/0\.0\.0\.0:2375/] },
  { line: 'docker -H 127.0.0.1:2375 ps', see: [/^CONTAINER ID/m] },
  {
    line: 'rm /etc/docker/daemon.json /etc/systemd/system/docker.service; systemctl stop docker',
    see: [/can still be activated by/],
  },
  { line: 'docker ps -q; systemctl is-active docker', see: [/^active$/m] },
];
