/** Typical use of an engine with dockerode; prints one line for each thing done. Arguments: socket, image archive. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import Docker from 'dockerode';

const [socketPath, archive] = process.argv.slice(2);
const docker = new Docker({ socketPath });
const say = (...words) =>
  console.log(words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))).join(' '));
const followed = (stream) =>
  new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error, lines) => (error ? reject(error) : resolve(lines)));
  });
const none = { HostConfig: { NetworkMode: 'none' } };

say('ping', (await docker.ping()).toString());
say('version', (await docker.version()).Os, (await docker.info()).OSType);
say('load', await followed(await docker.loadImage(createReadStream(archive))));
await docker.getImage('box:1').tag({ repo: 'ode', tag: '1' });
say(
  'tags',
  (await docker.getImage('ode:1').inspect()).RepoTags.sort(),
  (await docker.getImage('box:1').history()).length,
);

const out = new PassThrough();
const err = new PassThrough();
const [ended, ran] = await docker.run('box:1', ['sh', '-c', 'echo out; echo err >&2; exit 3'], [out, err], {
  ...none,
  Tty: false,
});
out.end();
err.end();
say('run', ended.StatusCode, await text(out), await text(err));
await ran.remove();

const box = await docker.createContainer({
  Image: 'box:1',
  name: 'odebox',
  Cmd: ['sh', '-c', 'echo started; sleep 1000'],
  Env: ['A=1'],
  Labels: { who: 'ode' },
  ExposedPorts: { '80/tcp': {} },
  HostConfig: { Memory: 64 << 20, PortBindings: { '80/tcp': [{ HostPort: '8056' }] }, Binds: ['odevol:/data'] },
});
await box.start();
const seen = await box.inspect();
say('started', seen.State.Status, seen.HostConfig.Memory, seen.NetworkSettings.Ports['80/tcp'][0]);
say(
  'list',
  (await docker.listContainers({ filters: { label: ['who=ode'] } })).map(({ Names, State }) => [Names, State]),
);

const logs = await box.logs({ follow: true, stdout: true, stderr: true });
const lines = new PassThrough();
docker.modem.demuxStream(logs, lines, lines);
say('log', (await once(lines, 'data')).toString());
logs.destroy();

const exec = await box.exec({
  Cmd: ['sh', '-c', 'read x; echo got $x $A; exit 4'],
  AttachStdin: true,
  AttachStdout: true,
  AttachStderr: true,
});
const stream = await exec.start({ hijack: true, stdin: true });
const said = new PassThrough();
docker.modem.demuxStream(stream, said, said);
stream.on('end', () => said.end());
stream.write('word\n');
say('exec', await text(said), (await exec.inspect()).ExitCode);

const root = await buffer(await box.getArchive({ path: '/etc/passwd' }));
say('get', root.subarray(0, 6).toString());
await box.putArchive(root, { path: '/data' });
say('put', (await buffer(await box.getArchive({ path: '/data/passwd' }))).subarray(257, 262).toString());
say('top', (await box.top()).Processes.length >= 1, (await box.stats({ stream: false })).memory_stats.limit);
await box.pause();
say('paused', (await box.inspect()).State.Status);
await box.unpause();
await box.rename({ name: 'odeother' });
await box.update({ Memory: 32 << 20, MemorySwap: 64 << 20 });
say('updated', (await box.inspect()).Name, (await box.inspect()).HostConfig.Memory);
say('commit', (await box.commit({ repo: 'odecommitted', tag: '1' })).Id.slice(0, 7));
const waiting = box.wait();
await box.kill();
say('wait', (await waiting).StatusCode);
await box.start();
await box.restart({ t: 0 });
await box.stop({ t: 0 });
say('changes', (await box.changes())?.length ?? 0);
say('export', (await buffer(await box.export())).subarray(257, 262).toString());
await box.remove({ v: true });

const cat = await docker.createContainer({ Image: 'box:1', Cmd: ['cat'], OpenStdin: true, StdinOnce: true, ...none });
const attached = await cat.attach({ stream: true, stdin: true, stdout: true, hijack: true });
await cat.start();
const back = new PassThrough();
docker.modem.demuxStream(attached, back, back);
attached.on('end', () => back.end());
attached.write('through\n');
attached.end();
say('attach', await text(back), (await cat.wait()).StatusCode);
await cat.remove();

say('save', (await buffer(await docker.getImage('box:1').get())).length > 1000);
say(
  'volumes',
  (await docker.listVolumes({ filters: { name: ['odevol'] } })).Volumes.map(({ Name }) => Name),
);
await docker.getVolume('odevol').remove();
say('networks', (await docker.listNetworks()).map(({ Name }) => Name).sort());
say('events', await text(await docker.getEvents({ since: 1, until: 2 })));
try {
  await docker.getContainer('nosuch').inspect();
} catch (error) {
  say('not found', error.statusCode, error.json);
}
say(
  'removed',
  (await docker.getImage('odecommitted:1').remove()).some(({ Untagged }) => Untagged === 'odecommitted:1'),
);
await docker.getImage('ode:1').remove();
say('left', (await docker.listContainers({ all: true })).length);
