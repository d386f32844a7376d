import { openNetworks } from '../../engine/network/networks.js';
import { published, request } from './network-yard.js';

/** An engine that is to be killed: it makes networks and containers, says what they got, and waits. */
async function main(root: string, execRoot: string): Promise<void> {
  const networks = await openNetworks({ root, execRoot });
  await networks.create({ Name: 'own' });
  const web = await networks.attach(request('web', { own: {} }, published('80/tcp', '8080')));
  const gone = await networks.attach(request('gone', { bridge: {} }, published('80/tcp', '8081')));
  process.stdout.write(`${JSON.stringify({ web, gone })}\n`);
  setInterval(() => undefined, 1000);
}

await main(process.argv[2] ?? '', process.argv[3] ?? '');
