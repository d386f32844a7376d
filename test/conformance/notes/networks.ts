import type { Step } from './steps.js';

/** The four kinds of network, ports, and names that are put into containers. */
export const NETWORKS: readonly Step[] = [
  {
    line: 'docker run -it --name b1 --network none --rm busybox',
    inside: ['ifconfig -a', 'exit'],
    see: [/lo +Link encap/],
    unseen: /eth0/,
  },
  {
    line: 'docker run -it --name b1 --network bridge --rm busybox',
    inside: ['ifconfig', 'exit'],
    see: [/inet addr:172\.17\.0\.2/],
  },
  { line: 'brctl show', see: [/docker0\s+8000\./] },
  { line: 'iptables -t nat -vnL', see: [/Chain POSTROUTING/, /MASQUERADE .*!docker0 +172\.17\.0\.0\/16/] },
  {
    line: 'docker run -it --name b1 --network bridge -h test --rm busybox',
    inside: ['hostname; cat /etc/hosts', 'exit'],
    see: [/^test$/m, /172\.17\.0\.2\ttest/],
  },
  {
    line: 'docker run --name t1 -it -h t1.jinmax.io --dns 114.114.114.114 --dns-search ijinmax.io --rm busybox:latest',
    inside: ['cat /etc/resolv.conf', 'exit'],
    see: [/^nameserver 114\.114\.114\.114$/m, /^search ijinmax\.io$/m],
  },
  {
    line: 'docker run -it --name b1 --network bridge -h test --dns 114.114.114.114 --add-host www.baidu.com:192.168.0.148 --rm busybox',
    inside: ['cat /etc/hosts', 'exit'],
    see: [/^192\.168\.0\.148\twww\.baidu\.com$/m],
  },
  { line: 'docker run --name t1 -it -h t1.jinmax.io \\  #指定主机名', see: [/invalid reference format/], exit: 125 },
  { line: 'docker run --rm --net bridge busybox:latest ifconfig -a', see: [/eth0 /] },
  { line: 'docker run --rm --net none busybox:latest ifconfig -a', see: [/lo /], unseen: /eth0/ },
  { line: 'docker run -d --name b1 --rm -p 80 ajinwu/httpd:v1.1', see: [/^[0-9a-f]{64}$/m] },
  { line: 'docker port b1', see: [/^80\/tcp -> 0\.0\.0\.0:32768$/m, /^80\/tcp -> \[::\]:32768$/m] },
  { line: 'wget -qO- 127.0.0.1:32768', see: [/Busybox httpd server/] },
  { line: 'iptables -t nat -nvL', see: [/DNAT .* tcp dpt:32768 to:172\.17\.0\.2:80/] },
  { line: 'docker inspect b1 -f {{.NetworkSettings.IPAddress}}', see: [/^172\.17\.0\.2$/m] },
  {
    line: 'docker run -it --name b2 --network container:b1 --rm busybox',
    inside: ['wget -O - -q 127.0.0.1', 'netstat -tnl', 'exit'],
    see: [/Busybox httpd server/, /:::80 .*LISTEN/],
  },
  { line: 'docker kill b1', see: [/^b1$/m] },
  {
    line: 'docker run -d --name b1 --rm -p 192.168.0.148:80:80 ajinwu/httpd:v1.1',
    see: [/cannot assign requested address/],
    exit: 125,
  },
  {
    line: 'ip link add name lan0 type bridge; ip addr add 192.168.0.148/24 dev lan0; ip addr add 192.168.40.143/24 dev lan0; ip link set lan0 up',
  },
  { line: 'docker run -d --name b1 --rm -p 192.168.0.148::80 ajinwu/httpd:v1.1' },
  { line: 'docker port b1', see: [/^80\/tcp -> 192\.168\.0\.148:\d+$/m], unseen: /0\.0\.0\.0/ },
  { line: 'docker rm -f b1' },
  {
    line: 'docker run -d --name b1 --rm -p 192.168.0.148:80:80 ajinwu/httpd:v1.1; wget -qO- 192.168.0.148',
    see: [/Busybox httpd server/],
  },
  { line: 'docker rm -f b1' },
  {
    line: 'docker run -d --name b1 --rm -p 80:80 ajinwu/httpd:v1.1; wget -qO- 192.168.40.143; wget -qO- 127.0.0.1',
    see: [/(?:Busybox httpd server.*\n.*){2}/],
  },
  { line: 'docker rm -f b1' },
  {
    line: 'docker run --name web1 -it -d -p 192.168.40.143:81:80 --rm nginx:latest; docker port web1',
    see: [/^80\/tcp -> 192\.168\.40\.143:81$/m],
  },
  { line: 'wget -qO- http://192.168.40.143:81/', see: [/Welcome to nginx!/] },
  { line: 'docker stop web1; docker ps -aq', see: [/^web1\n@@/m] },
  { line: 'docker run -d -P --expose 2222 --expose 3333 --name web \\\nbusybox:latest /bin/httpd -p 2222 -f' },
  { line: 'docker port web', see: [/^2222\/tcp -> 0\.0\.0\.0:\d+$/m, /^3333\/tcp -> 0\.0\.0\.0:\d+$/m] },
  {
    line: 'docker run -it --rm --net container:web --name joined \\\nbusybox:latest netstat -tan',
    see: [/:::2222 .*LISTEN/],
  },
  { line: 'docker rm -f web' },
  { line: 'docker run --name b1 -itd --rm busybox' },
  { line: 'docker exec -it b1 sh', inside: ['echo "Max Awsome!!"> /tmp/index.html', 'httpd -h /tmp/', 'exit'] },
  {
    line: 'docker run --name b2 --network container:b1 -it --rm busybox',
    inside: ['wget -O - -q 127.0.0.1', 'exit'],
    see: [/^Max Awsome!!$/m],
  },
  { line: 'docker rm -f b1' },
  {
    line: 'docker run --name b2 -it --network host --rm busybox',
    inside: [
      'echo "MAX max max ....." > /tmp/index.html',
      'httpd -h /tmp',
      'netstat -tln',
      'wget -qO- 127.0.0.1; hostname',
      'exit',
    ],
    see: [/:::80 .*LISTEN/, /^MAX max max/m, /^glassbox$/m],
  },
  {
    line: 'iptables -t nat -A PREROUTING -d 192.168.0.148 -p tcp --dport 8080 \\\n-j DNAT --to-destination 172.17.0.2:80; iptables -t nat -S PREROUTING',
    see: [/--dport 8080 -j DNAT --to-destination 172\.17\.0\.2:80/],
  },
  {
    line: 'docker network create -d bridge --subnet "172.26.0.0/16" --gateway "172.26.0.1" mybr0',
    see: [/^[0-9a-f]{64}$/m],
  },
  {
    line: 'docker run --name t1 -it --rm --net mybr0 busybox:latest',
    inside: ['ip addr show eth0; cat /etc/resolv.conf', 'exit'],
    see: [/inet 172\.26\.0\.2\/16/, /^nameserver 127\.0\.0\.11$/m],
  },
  { line: 'ip link set dev br-$(docker network ls -qf name=mybr0) name docker1' },
  { line: 'docker run --name t1 -it --rm --net mybr0 busybox:latest', see: [/could not find bridge br-/], exit: 125 },
  { line: 'ip link set dev docker1 name br-$(docker network ls -qf name=mybr0)' },
  { line: 'docker network create --driver bridge mynetwork' },
  {
    line: 'docker run -it --rm --name t5 --net mynetwork ubuntu',
    inside: ['echo $BASH_VERSION; getent hosts t5 || nslookup t5', 'exit'],
    see: [/172\.\d+\.0\.2/],
  },
  {
    line: 'docker network ls',
    see: [/bridge\s+bridge\s+local/, /host\s+host\s+local/, /none\s+null\s+local/, /mybr0\s+bridge/],
  },
  {
    line: 'docker network inspect -f \'{{range .IPAM.Config}}{{.Subnet}}{{end}} {{index .Options "com.docker.network.bridge.name"}}\' bridge',
    see: [/^172\.17\.0\.0\/16 docker0$/m],
  },
  { line: 'docker network create --gateway 10.8.0.1 --subnet 10.8.0.0/16 --ip-range 10.8.5.0/24 n7' },
  {
    line: 'docker run -d --name r1 --net n7 busybox sleep 1000; docker network connect mybr0 r1; docker exec r1 ip addr',
    see: [/inet 10\.8\.5\.\d+\/16/, /inet 172\.26\.0\.2\/16 .*eth1/],
  },
  { line: 'docker network disconnect mybr0 r1; docker exec r1 ip addr', unseen: /eth1/ },
  { line: 'docker network create -d overlay n5', see: [/This node is not a swarm manager/], exit: 1 },
  { line: 'docker network rm n7', see: [/has active endpoints/], exit: 1 },
  { line: 'docker rm -f r1; docker network rm mybr0 mynetwork n7', see: [/^n7$/m] },
];
