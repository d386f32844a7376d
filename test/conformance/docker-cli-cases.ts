/**
 * Command lines that are given to the official docker command and to ours. `d` is the command, `try` runs it and says its exit
 * status. `since`: the first version of docker's command that answers so; an older one is not asked.
 */
export interface CliCase {
  readonly name: string;
  readonly script: string;
  readonly since?: number;
  /** It changes nothing: it may run beside others. */
  readonly reads?: boolean;
}

const lines = (...commands: readonly string[]): string => commands.map((command) => `try ${command}`).join('\n');

/** Before the cases: two containers to look at. Each command runs it on names of its own. */
export const PREPARE = `
d run -d --name look -p 127.0.0.1:9000-9002:9000-9002/udp -v data:/data -m 64m --label a=b $IMAGE sleep 1000
d create --name idle -it $IMAGE sh`;

export const CASES: readonly CliCase[] = [
  {
    name: 'lists',
    reads: true,
    script: lines(
      'ps -a --format "table {{.Image}}\\t{{.Command}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Names}}"',
      'ps -aq --no-trunc | wc -l',
      `ps -a --format '{{.Names}} {{.Mounts}} {{.LocalVolumes}} {{.Networks}} {{.Labels}}' --filter name=look`,
      `ps --format '{{.Label "a"}} {{upper .Names}} {{len .ID}} {{pad .State 1 2}}|{{truncate .Image 3}}'`,
      `ps -a --filter status=created --format '{{json .Names}}'`,
      'images',
      'images --digests --no-trunc',
      `images -q --filter dangling=true`,
      'volume ls',
      'volume ls -q --filter name=data',
      'network ls',
      `network ls --filter driver=bridge --format '{{.Name}}: {{.Driver}}, {{.Scope}}'`,
      'history $IMAGE',
      `system df`,
    ),
  },
  {
    name: 'lists as JSON',
    reads: true,
    since: 28,
    script: lines(
      'ps -a --format json',
      'images --format json',
      'volume ls --format json',
      'network ls --format json',
      'system df --format json',
      'ps -a --format raw',
      'system df -v',
      'ps -a',
      'history --format json $IMAGE',
    ),
  },
  {
    name: 'inspect',
    reads: true,
    script: lines(
      'inspect look',
      'inspect look idle data bridge $IMAGE',
      'image inspect $IMAGE nope',
      'volume inspect data',
      'network inspect none',
      `inspect -f '{{.State.Status}} {{.HostConfig.Memory}} {{.Config.Labels}} {{.Config.Cmd}} {{.State.Health}}' look`,
      `inspect -f '{{range .Mounts}}{{.Name}}:{{.Destination}}{{end}} {{json .Config.Labels}}' look`,
      `inspect -f '{{range $port, $list := .NetworkSettings.Ports}}{{$port}}={{(index $list 0).HostPort}};{{end}}' look`,
      `inspect -f '{{if eq .Name "/look"}}yes{{else}}no{{end}} {{printf "%05d" .RestartCount}} {{index .Config.Labels "a"}}' look idle`,
      `inspect -f '{{.Id}}' bridge`,
      `inspect -s -f '{{.SizeRw}}' look`,
      'inspect nope',
      `inspect -f '{{.X}}' look`,
      `inspect -f '{{' look`,
      `inspect --type image look`,
    ),
    since: 28,
  },
  {
    name: 'typed objects as JSON',
    reads: true,
    since: 28,
    script: lines(
      `inspect -f '{{json .}}' look`,
      `inspect -f '{{json .}}' $IMAGE`,
      `inspect -f '{{json .}}' data`,
      `inspect -f '{{json .}}' bridge`,
      `inspect -f '{{.Config}} {{.State}} {{.Mounts}}' look`,
      `version -f '{{json .Server}}'`,
      `info -f '{{json .Plugins}} {{.Swarm.LocalNodeState}} {{.Driver}}'`,
    ),
  },
  {
    name: 'wrong command lines',
    reads: true,
    since: 28,
    script: lines(
      'foo',
      'container foo',
      'ps foo',
      'rm',
      'tag x',
      'run',
      'run --foo',
      'rm --foo',
      'run -dx $IMAGE',
      'run --name',
      'run -m 1x $IMAGE',
      'run -p x $IMAGE',
      'run --tty=maybe $IMAGE',
      'run -a foo $IMAGE',
      'run --mount type=volume $IMAGE',
      'run --mount type=bind,src=/a,dst=/b,foo=1 $IMAGE',
      'run --ulimit foo $IMAGE',
      'run --cpus=abc $IMAGE',
      'run --restart always --rm $IMAGE',
      'run --pull foo $IMAGE',
      'run --platform foo $IMAGE',
      'run --device a:b:c:d $IMAGE',
      'run --security-opt foo $IMAGE',
      'run --health-cmd x --no-healthcheck $IMAGE',
      'run --pid foo $IMAGE',
      'run --env-file /nonono $IMAGE',
      'run -it $IMAGE true',
      `ps --format '{{.X}}'`,
      `ps --format '{{.ID'`,
      `ps --format '{{.ID | foo}}'`,
      'ps --filter foo',
      'ps --filter foo=bar',
      'container ls -n x',
      'cp a b',
      'cp look:/a look:/b',
      'update look',
      'pull Bad',
      'tag $IMAGE Bad:Name',
      'commit look Bad',
      'load -i /nonono',
      'import /nonono',
      'save -o /nonono/x $IMAGE',
      'network create --gateway 1.2.3.4 x',
      '-H tcp://127.0.0.1:1 ps',
      '-H unix:///nonono ps',
      '--foo',
      'help nope',
    ),
  },
  {
    name: "the engine's refusals",
    since: 28,
    reads: true,
    script: lines(
      'logs nope',
      'stop nope',
      'wait nope',
      'pause nope',
      'diff nope',
      'exec nope true',
      'exec idle true',
      'start nope',
      'kill -s FOO look',
      'rename look idle',
      'volume rm data',
      'volume inspect nope',
      'network inspect nope',
      'network connect nope look',
      'rmi nope',
      'history nope',
      'top idle',
      'unpause look',
    ),
  },
  {
    name: 'what run can ask for',
    script: lines(
      `run --rm -e X=1 -e Y -w /tmp -h hh --name zz $IMAGE sh -c 'hostname; pwd; echo $X-$Y'`,
      `run --rm -i $IMAGE cat </etc/hostname`,
      `run --rm --user 5:6 --group-add 7 $IMAGE id`,
      `run --rm --entrypoint /bin/echo $IMAGE a b`,
      `run --rm --tmpfs /t:size=1m --mount type=tmpfs,dst=/u,tmpfs-size=2m $IMAGE grep -c tmpfs.*size=[12]0..k /proc/mounts`,
      `run --rm --cap-drop ALL --cap-add CHOWN $IMAGE grep CapEff /proc/self/status`,
      `run --rm --ulimit nofile=100:200 --shm-size 1m $IMAGE sh -c 'ulimit -n; ulimit -Hn; df -k /dev/shm | tail -1'`,
      `run --rm --add-host a:1.2.3.4 --dns 9.9.9.9 $IMAGE sh -c 'grep 1.2.3.4 /etc/hosts; cat /etc/resolv.conf'`,
      `run --rm --network none $IMAGE ls /sys/class/net`,
      `run --rm $IMAGE sh -c 'echo out; echo err >&2; exit 3'`,
      `run -d --name conf --restart on-failure:3 --health-cmd true --health-interval 9s --stop-signal KILL --expose 90-91 --log-opt max-size=1m --sysctl net.ipv4.ip_forward=0 --security-opt no-new-privileges --oom-score-adj 5 --cpus 0.5 $IMAGE sleep 9`,
      `inspect -f '{{json .HostConfig.RestartPolicy}} {{json .Config.Healthcheck}} {{.Config.StopSignal}} {{json .Config.ExposedPorts}} {{json .HostConfig.LogConfig}} {{json .HostConfig.Sysctls}} {{.HostConfig.SecurityOpt}} {{.HostConfig.OomScoreAdj}} {{.HostConfig.NanoCpus}}' conf`,
      `rm -f conf`,
    ),
  },
  {
    name: 'what run fails with',
    since: 28,
    script: lines(
      'run --rm $IMAGE nonexist',
      'run --rm $IMAGE /etc',
      'run --rm --read-only $IMAGE touch /x',
      'run nope:nope',
      'run --rm --network nope $IMAGE',
      'create nope:x',
      'exec look nonexist',
      'exec -w rel look pwd',
      'exec -u nope look pwd',
      'exec -it look true',
    ),
  },
  {
    name: 'the life of a container',
    script: lines(
      `run -d --name life $IMAGE sh -c 'echo hello; sleep 0.5; echo oops >&2; sleep 0.1; exit 4'`,
      'wait life',
      'logs life',
      'logs --tail 1 life',
      'logs -t life | wc -l',
      'start -a life',
      'rename life live',
      `run -d --name lives $IMAGE sleep 100`,
      'pause lives',
      `ps --filter name=lives --format '{{.State}}'`,
      'unpause lives',
      'restart -t 0 lives',
      'update -m 32m lives',
      `exec -e A=9 -w /tmp lives sh -c 'echo $A $PWD; exit 5'`,
      'exec -i lives cat </etc/hostname',
      'top lives -o comm,args',
      'port lives',
      'diff lives',
      'kill lives',
      'wait lives',
      'rm live lives',
    ),
  },
  {
    name: 'files and archives',
    script: `
rm -rf w; mkdir -p w/dir/sub; echo content >w/f; echo y >w/dir/sub/y; ln -s sub/y w/dir/l
try run -d --name files $IMAGE sleep 100
try cp w/f files:/tmp/
try cp w/dir files:/tmp/new
try cp w/dir files:/tmp
try cp w/dir/. files:/tmp/
d exec files sh -c 'ls -lR /tmp | grep -v total | tr -s " " | cut -d" " -f 1,3,4,5,9-'
try cp files:/tmp w/back
try cp files:/tmp/sub/. w/back
try cp -L files:/tmp/l w/through
try cp files:/tmp/l w/link
(cd w; find . | sort; readlink link; cat through)
try cp files:/tmp w/f
try cp files:/nope w/x
d cp files:/tmp - | tar tf - | sort
tar c -C w f | try cp - files:/etc
try exec files cat /etc/f
try commit -m msg -a me -c 'CMD ["x"]' files made:1
try history --format '{{.Comment}}' made:1
d save made:1 | tar tf - | wc -l
d save made:1 >w/s.tar
try rmi -f made:1
try load -q <w/s.tar
d export files | try import -m hey - made:2
try tag made:2 a.b/c/d:e
try images a.b/c/d
try rmi made:1 made:2 a.b/c/d:e
try rm -f files`,
    since: 28,
  },
  {
    name: 'networks and volumes',
    script: `since=$(date +%s.%N)\n${lines(
      'volume create --label q=1 v1',
      `volume inspect -f '{{.Labels}} {{.Driver}}' v1`,
      'volume rm v1',
      'network create --subnet 10.9.0.0/24 --gateway 10.9.0.9 --label q=1 n1',
      `network inspect -f '{{json .IPAM.Config}} {{.Labels}}' n1`,
      'run -d --name net --network n1 --ip 10.9.0.5 --network-alias al $IMAGE sleep 100',
      `inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{$v.IPAddress}} {{$v.IPAMConfig.IPv4Address}}{{end}}' net`,
      'network connect --alias x bridge net',
      'network disconnect n1 net',
      'rm -f net',
      'network rm n1',
      'volume prune -f --filter label=nothing',
      'network prune -f',
      'image prune -f',
      'container prune -f --filter label=nothing',
      `events --since $since --until $(($(date +%s)+2)) --filter type=volume --filter volume=v1 --format '{{.Type}} {{.Action}} {{.Actor.ID}}'`,
    )}`,
  },
];
