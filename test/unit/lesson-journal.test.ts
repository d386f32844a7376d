import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lastEffect, onlyReads, opensUnseen } from '../../src/lesson/history.js';
import { foldJournal, Journal, loadJournal, stateDirectory } from '../../src/lesson/journal.js';
import { sameAnswer } from '../../src/lesson/session.js';

function inDirectory(use: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'journal-'));
  try {
    use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('events add up; undo takes the last commands of its step, reset all of them', () => {
  inDirectory((directory) => {
    const file = join(directory, 'progress', 'x.jsonl');
    const journal = Journal.open(file);
    journal.append({ e: 'start', lesson: 'x', seed: 's', digest: 'd' });
    journal.append({ e: 'step', step: 'a' });
    journal.append({ e: 'command', step: 'a', line: 'one', exit: 0 });
    journal.append({ e: 'met', step: 'a' });
    journal.append({ e: 'step', step: 'b' });
    for (const line of ['two', 'three', 'four']) journal.append({ e: 'command', step: 'b', line, exit: 0 });
    journal.append({ e: 'undo', step: 'b', count: 2 });
    journal.close();
    const { progress, damaged } = loadJournal(file);
    assert.deepEqual(damaged, []);
    assert.deepEqual(
      progress!.commands.map((command) => command.line),
      ['one', 'two'],
    );
    assert.deepEqual([progress!.step, progress!.met, progress!.finished], ['b', ['a'], false]);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(
      foldJournal(`${readFileSync(file, 'utf8')}{"e":"reset","step":"b"}\n`).progress!.commands.map(
        (command) => command.line,
      ),
      ['one'],
    );
  });
});

test('damage anywhere costs that line only', () => {
  const good = [
    '{"e":"start","lesson":"x","seed":"s","digest":"d"}',
    '{"e":"step","step":"a"}',
    '{"e":"met","step":"a"}',
  ];
  for (let cut = 0; cut < good.join('\n').length; cut += 1) {
    const { progress } = foldJournal(`${good.join('\n')}\n${good.join('\n').slice(0, cut)}`);
    assert.ok(progress !== null);
  }
  const { progress, damaged } = foldJournal(
    `${good[0]}\n\u0000\u0000\nnull\n[]\n{"e":"step"}\n{"e":"__proto__","step":"x"}\n${good[1]}\n${'x'.repeat(70_000)}\n${good[2]}\n`,
  );
  assert.deepEqual(damaged, [2, 3, 4, 5, 6, 8]);
  assert.deepEqual([progress!.step, progress!.met], ['a', ['a']]);
  assert.deepEqual(foldJournal('').progress, null);
});

test('a torn last line is ended before the next event, and a symbolic link is not followed', () => {
  inDirectory((directory) => {
    const file = join(directory, 'x.jsonl');
    writeFileSync(file, '{"e":"start","lesson":"x","seed":"s","digest":"d"}\n{"e":"st');
    const journal = Journal.open(file);
    journal.append({ e: 'step', step: 'b' });
    journal.close();
    assert.deepEqual([loadJournal(file).damaged, loadJournal(file).progress!.step], [[2], 'b']);
    const link = join(directory, 'link.jsonl');
    symlinkSync('/etc/passwd', link);
    assert.throws(() => Journal.open(link), { code: 'ELOOP' });
  });
});

test('XDG_STATE_HOME counts when it is absolute', () => {
  assert.equal(stateDirectory({ XDG_STATE_HOME: '/s', HOME: '/h' }), '/s/glassbox');
  assert.equal(stateDirectory({ XDG_STATE_HOME: 'relative', HOME: '/h' }), '/h/.local/state/glassbox');
  assert.equal(stateDirectory({ HOME: '/h' }), '/h/.local/state/glassbox');
});

test('undo knows what only reads', () => {
  for (const line of [
    'ls -l',
    'ip link show',
    'ip -br link',
    'ip netns list',
    'ip -n r1 addr',
    'ping -c 1 10.1.0.2',
    'cat /proc/1/status | grep Ns',
    'ip netns exec r1 ifconfig -a',
    'ps ax',
    '',
    '# note',
    'mount',
    'iptables -t nat -vnL',
    'brctl show',
    'docker ps -a',
    'docker image inspect busybox',
  ])
    assert.ok(onlyReads(line), line);
  for (const line of [
    'ip link add a0 type veth',
    'echo 1 > /x',
    'ls; rm x',
    'cat $(touch /x)',
    'hostname new',
    'mount -t tmpfs t /mnt',
    'ip netns exec r1 ip link set lo up',
    'iptables -t nat -F',
    'cd /',
    'exit',
    'unshare -u bash',
    'ls && reboot',
    'sysctl net.ipv4.ip_forward=1',
    'sysctl -w a=1',
    'ip addr flush dev a0',
    'ip link set a0 up',
    'ip netns add show',
    'docker rm box',
    'docker image rm mine',
  ])
    assert.ok(!onlyReads(line), line);
  const commands = ['ip netns add r1', 'ip link', 'nosuch'].map((line, index) => ({
    line,
    exit: index === 2 ? 127 : 0,
  }));
  assert.equal(lastEffect(commands), 0);
  assert.equal(lastEffect([{ line: 'ls', exit: 0 }]), -1);
});

test('a shell in which nobody records is known by the line that opens it', () => {
  for (const line of [
    'docker exec -it box sh',
    'docker run --rm -ti busybox',
    'docker container exec --tty box ls',
    'docker attach box',
    'docker start -ai box',
    'chroot /root/merged /bin/sh',
    'sh',
  ])
    assert.ok(opensUnseen(line), line);
  for (const line of [
    'docker run -dit --name box busybox sleep 7',
    'docker exec -d -t box sleep 7',
    'docker exec box sh -c true',
    'docker start box',
    "unshare -pf sh -c 'sleep 7'",
    'unshare -u bash',
  ])
    assert.ok(!opensUnseen(line), line);
});

test('answers: by value, by word, as a set', () => {
  assert.ok(sameAnswer('number', ' 1,024 ', '1024'));
  assert.ok(!sameAnswer('number', '', '0'));
  assert.ok(sameAnswer('word', 'ETH0', 'eth0'));
  assert.ok(!sameAnswer('text', 'ETH0', 'eth0'));
  assert.ok(sameAnswer('list', 'uts，net pid', 'net\npid\nuts'));
  assert.ok(!sameAnswer('list', 'uts net', 'net pid uts'));
});
