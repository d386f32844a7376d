import type { Group } from '../../helpers/tour/walk.js';

/** Networks of the user's own: how containers join and leave them, what they are called there, and what of it lasts. */
const ENDPOINT =
  "'{{range $name, $e := .NetworkSettings.Networks}}{{$name}} {{$e.IPAddress}} {{json $e.IPAMConfig}} {{json $e.Links}} {{json $e.DriverOpts}};{{end}}'";

export const OWN_NETWORKS: readonly Group[] = [
  {
    area: 'network',
    name: 'of their own',
    alone: true,
    lines: [
      'docker network create --subnet 10.44.0.0/24 --gateway 10.44.0.1 --label a=1 onet >/dev/null; docker network create --subnet 10.45.0.0/24 two >/dev/null',
      'docker run -d --name oweb -h oweb --network onet --network-alias web --ip 10.44.0.9 box:1 sleep 1000 >/dev/null; docker run -d --name ocli --network onet --dns 10.44.0.9 --dns-search corp.example --dns-option timeout:1 box:1 sleep 1000 >/dev/null',
      "docker exec ocli sh -c 'grep -v -e ^# -e ^$ /etc/resolv.conf | sort; grep -c 10.44.0 /etc/hosts; ip route'",
      'docker exec ocli sh -c "for n in oweb OWEB web oweb.onet web.onet; do ping -c 1 -W 5 $n | head -1; done"',
      'docker exec ocli nslookup 10.44.0.9 127.0.0.11 | grep name; docker exec ocli nslookup -type=AAAA oweb 127.0.0.11 | grep -c -i -e nxdomain -e "can\'t find"',
      'docker network connect --alias second --ip 10.45.0.77 two oweb; docker network connect --alias clia two ocli; docker exec ocli sh -c "ping -c 1 -W 5 second | head -1; ip addr show eth1 | grep -o -E \'inet [^ ]*\'"',
      `docker inspect -f ${ENDPOINT} oweb`,
      'docker network connect two oweb; docker network connect nosuch oweb; docker network connect two nosuch; docker network connect --ip 10.46.0.1 onet ocli',
      'docker network inspect -f "{{range .Containers}}{{println .Name .IPv4Address}}{{end}}" two | sort; docker network inspect -v -f "{{.Name}}" two',
      'docker restart -t 0 oweb >/dev/null; docker inspect -f "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}" oweb',
      'docker network disconnect two oweb; docker exec oweb ls /sys/class/net | tr "\\n" " "; docker exec ocli ping -c 1 -W 1 second 2>&1 | head -1; docker network disconnect two oweb',
      'docker stop -t 0 oweb >/dev/null; docker network connect --alias late two oweb; docker inspect -f "{{range $n, $e := .NetworkSettings.Networks}}{{$n}} {{end}}" oweb; docker start oweb >/dev/null; docker exec ocli ping -c 1 -W 5 late | head -1 | sed "s/(.*//"',
      'docker stop -t 0 oweb >/dev/null; docker network disconnect two oweb; docker network disconnect onet oweb; docker inspect -f "{{len .NetworkSettings.Networks}}" oweb; docker start oweb >/dev/null; docker exec oweb ls /sys/class/net | tr "\\n" " "',
      'docker network rm onet 2>&1 | sed "s/(.*//; s/ id [0-9a-f]*//"; docker rm -f oweb ocli',
      'docker network create --label a=2 three >/dev/null; docker network prune -f --filter label=a=1; docker network prune -f --filter label!=a=2; docker network prune -f --filter until=1h; docker network prune -f --filter nosuch=1; docker network ls -q --filter type=custom | wc -l; docker network prune -f',
      'docker run -d --name oports -p 127.0.0.1::80/udp -p 8290-8291:90-91 -p 8300-8310:92 -P --expose 100-101 box:1 sleep 1000 >/dev/null; docker port oports | sed -E "s/:[3-6][0-9]{4}$/:PORT/" | sort; docker port oports 92; docker rm -f oports',
      'docker run --rm --network onet --ip 10.44.0.9 box:1 true; docker network create --subnet 10.44.0.0/24 onet >/dev/null; docker run --rm --network onet --ip 10.44.0.1 box:1 true; docker network rm onet',
    ],
    expect: ['PING second (10.45.0.77)', 'search corp.example', 'already exists in network two'],
  },
];
