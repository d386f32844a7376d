import { EngineError } from '../../kernel/errors.js';

/** More ports of one line are a mistake. */
const MOST_PORTS = 65_536;

/** `80`, `80/udp`, `8000-8010/tcp`: as `80/tcp`, … github.com/docker/go-connections/nat, ParsePortSpec without a host's part. */
export function parsePorts(text: string): string[] {
  const [range = '', protocol = 'tcp', ...more] = text.split('/');
  const invalid = (why: string): EngineError => new EngineError('InvalidArgument', why);
  if (more.length > 0 || !['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase()))
    throw invalid(`invalid proto: ${[protocol, ...more].join('/')}`);
  const parts = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range);
  if (parts === null) throw invalid(`invalid containerPort: ${range}`);
  const first = Number(parts[1]);
  const last = Number(parts[2] ?? parts[1]);
  if (first > 65_535 || last > 65_535 || first < 1) throw invalid(`invalid containerPort: ${range}`);
  if (last < first || last - first >= MOST_PORTS) throw invalid(`invalid range specified for port: ${range}`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol.toLowerCase()}`);
}
