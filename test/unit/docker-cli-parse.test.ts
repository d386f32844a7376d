import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parseHost } from '../../src/docker/client/host.js';
import { findCommand } from '../../src/docker/command/find.js';
import { type Parsed, parseCommand } from '../../src/docker/command/flags.js';
import { argumentError } from '../../src/docker/command/problems.js';
import { familiar, parseReference, tagged, withoutDigest } from '../../src/docker/format/reference.js';
import { createBody } from '../../src/docker/opts/container.js';
import { parseCsv } from '../../src/docker/opts/csv.js';
import { addressConfig } from '../../src/docker/opts/ipam.js';
import { parseMount } from '../../src/docker/opts/mount.js';
import { parseDecimal, parseDuration, parseSize } from '../../src/docker/opts/numbers.js';
import { parsePorts } from '../../src/docker/opts/ports.js';
import { timestamp } from '../../src/docker/opts/times.js';

function parse(line: readonly string[]): Parsed {
  const found = findCommand(line);
  assert.ok(found.kind === 'command', line.join(' '));
  return parseCommand(found.spec, found.words);
}

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Error, String(error));
    return error.message;
  }
  return 'not refused';
};

describe("docker's flags", () => {
  it('are read in every form that pflag knows', () => {
    for (const words of [
      ['run', '-itd', '--name', 'n', '-p80:80', '-e', 'A=1', '-eB=2', 'img', 'sh', '-c', 'x', '--rm'],
      [
        'run',
        '-i',
        '-t=true',
        '--detach=1',
        '--name=n',
        '-p=80:80',
        '--env=A=1',
        '--env',
        'B=2',
        'img',
        'sh',
        '-c',
        'x',
        '--rm',
      ],
      [
        'container',
        'run',
        '-ti',
        '-dp',
        '80:80',
        '--name',
        'old',
        '--name',
        'n',
        '-e',
        'A=1',
        '-e',
        'B=2',
        '--',
        'img',
        'sh',
        '-c',
        'x',
        '--rm',
      ],
    ]) {
      const { flags, args } = parse(words);
      assert.deepEqual(
        [flags.bool('interactive'), flags.bool('tty'), flags.bool('detach'), flags.bool('rm')],
        [true, true, true, false],
      );
      assert.equal(flags.string('name'), 'n');
      assert.deepEqual(flags.list('publish'), ['80:80']);
      assert.deepEqual(flags.list('env'), ['A=1', 'B=2']);
      assert.deepEqual(args, ['img', 'sh', '-c', 'x', '--rm']);
    }
  });

  it('may stand behind arguments where these are all the command takes', () => {
    const { flags, args } = parse(['rm', 'a', '-f', 'b', '-']);
    assert.ok(flags.bool('force'), '-f was not read');
    assert.deepEqual(args, ['a', 'b', '-']);
  });

  it('have their defaults, and know whether they were typed', () => {
    const { flags } = parse(['run', '--sig-proxy=false', 'x']);
    assert.equal(flags.string('pull'), 'missing');
    assert.equal(flags.bool('sig-proxy'), false);
    assert.equal(flags.number('memory-swappiness'), -1);
    assert.deepEqual([flags.changed('sig-proxy'), flags.changed('pull')], [true, false]);
  });

  it("are refused in docker's words", () => {
    for (const [line, said] of [
      [['run', '--foo'], 'unknown flag: --foo'],
      [['run', '-dx', 'img'], "unknown shorthand flag: 'x' in -x"],
      [['run', '--name'], 'flag needs an argument: --name'],
      [['run', '-e'], "flag needs an argument: 'e' in -e"],
      [['run', '--=x'], 'bad flag syntax: --=x'],
      [
        ['run', '--tty=maybe', 'x'],
        'invalid argument "maybe" for "-t, --tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
      ],
      [['run', '-m', '1x', 'x'], 'invalid argument "1x" for "-m, --memory" flag: invalid suffix: \'x\''],
      [
        ['run', '--cpus', 'abc', 'x'],
        'invalid argument "abc" for "--cpus" flag: failed to parse abc as a rational number',
      ],
      [
        ['run', '--stop-timeout', 'x', 'x'],
        'invalid argument "x" for "--stop-timeout" flag: strconv.ParseInt: parsing "x": invalid syntax',
      ],
      [
        ['run', '--blkio-weight', '70000', 'x'],
        'invalid argument "70000" for "--blkio-weight" flag: strconv.ParseUint: parsing "70000": value out of range',
      ],
      [
        ['run', '--health-interval', '1', 'x'],
        'invalid argument "1" for "--health-interval" flag: time: missing unit in duration "1"',
      ],
      [
        ['run', '--ulimit', 'nofile=5:3', 'x'],
        'invalid argument "nofile=5:3" for "--ulimit" flag: ulimit soft limit must be less than or equal to hard limit: 5 > 3',
      ],
      [['run', '-l', '', 'x'], 'invalid argument "" for "-l, --label" flag: invalid label \'\': empty name'],
      [['run', '--link', 'a:b:c', 'x'], 'invalid argument "a:b:c" for "--link" flag: bad format for links: a:b:c'],
      [
        ['run', '--dns', 'foo', 'x'],
        'invalid argument "foo" for "--dns" flag: IP address is not correctly formatted: foo',
      ],
      [
        ['run', '--add-host', 'foo', 'x'],
        'invalid argument "foo" for "--add-host" flag: bad format for add-host: "foo"',
      ],
      [['run', '--mount', 'type=volume', 'x'], 'invalid argument "type=volume" for "--mount" flag: target is required'],
      [
        ['ps', '--filter', 'foo'],
        'invalid argument "foo" for "-f, --filter" flag: bad format of filter (expected name=value)',
      ],
    ] as const)
      assert.equal(
        refusal(() => parse(line)),
        said,
      );
  });

  it('leave room for help, whatever else is wrong with the arguments', () => {
    assert.ok(parse(['rm', '--help']).wantsHelp, '--help was not seen');
    assert.ok(parse(['ps', '-h']).wantsHelp, '-h was not seen');
    assert.ok(!parse(['run', '-h', 'name', 'x']).wantsHelp, '-h of run is --hostname');
  });
});

describe('the number of arguments', () => {
  it("is told in docker's words", () => {
    for (const [words, said] of [
      [
        ['rm'],
        "docker: 'docker rm' requires at least 1 argument\n\nUsage:  docker rm [OPTIONS] CONTAINER [CONTAINER...]\n\nSee 'docker rm --help' for more information",
      ],
      [
        ['ps', 'x'],
        "docker: 'docker ps' accepts no arguments\n\nUsage:  docker ps [OPTIONS]\n\nRun 'docker ps --help' for more information",
      ],
      [
        ['tag', 'x'],
        "docker: 'docker tag' requires 2 arguments\n\nUsage:  docker tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]\n\nRun 'docker tag --help' for more information",
      ],
      [
        ['container', 'commit'],
        "docker: 'docker container commit' requires at least 1 and at most 2 arguments\n\nUsage:  docker container commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]\n\nRun 'docker container commit --help' for more information",
      ],
    ] as const) {
      const found = findCommand(words);
      assert.ok(found.kind === 'command', words.join(' '));
      assert.equal(argumentError(found.spec, found.called, found.words.length)?.message, said);
    }
  });
});

describe('values of flags', () => {
  it('sizes', () => {
    for (const [text, bytes] of [
      ['64m', 67108864],
      ['1.5g', 1610612736],
      ['1024', 1024],
      ['10kb', 10240],
      ['3 MiB', 3145728],
      ['0', 0],
      ['5b', 5],
    ] as const)
      assert.equal(parseSize(text), bytes, text);
    assert.equal(parseSize('-1', true), -1);
    for (const [text, said] of [
      ['1x', "invalid suffix: 'x'"],
      ['x', "invalid size: 'x'"],
      ['-5', "invalid size: '-5'"],
      ['1mmmm', "invalid suffix: 'mmmm'"],
      ['1bb', "invalid suffix: 'bb'"],
    ] as const)
      assert.equal(
        refusal(() => parseSize(text)),
        said,
      );
  });

  it('durations and processors', () => {
    for (const [text, nanoseconds] of [
      ['1s', 1e9],
      ['1m30s', 90e9],
      ['1.5h', 5400e9],
      ['-2ms', -2e6],
      ['0', 0],
      ['3us', 3000],
    ] as const)
      assert.equal(parseDuration(text), nanoseconds, text);
    for (const text of ['', '1', 's', '1x', '.s', '1s2'])
      assert.match(
        refusal(() => parseDuration(text)),
        /^time: (?:invalid|missing unit in|unknown unit)/,
        text,
      );
    assert.equal(parseDecimal('0.5'), 500_000_000);
    assert.equal(parseDecimal('1e-9'), 1);
    assert.equal(
      refusal(() => parseDecimal('0.0000000001')),
      'value is too precise',
    );
  });

  it('ports', () => {
    assert.deepEqual(
      parsePorts(
        ['8080:80', '127.0.0.1:9000-9001:9000-9001/udp', '53', '[::1]:5:5', '7000-7001:70'],
        ['90-91', '1/udp'],
      ),
      {
        exposed: Object.fromEntries(
          ['80/tcp', '9000/udp', '9001/udp', '53/tcp', '5/tcp', '70/tcp', '90/tcp', '91/tcp', '1/udp'].map((port) => [
            port,
            {},
          ]),
        ),
        bindings: {
          '80/tcp': [{ HostIp: '', HostPort: '8080' }],
          '9000/udp': [{ HostIp: '127.0.0.1', HostPort: '9000' }],
          '9001/udp': [{ HostIp: '127.0.0.1', HostPort: '9001' }],
          '53/tcp': [{ HostIp: '', HostPort: '' }],
          '5/tcp': [{ HostIp: '::1', HostPort: '5' }],
          '70/tcp': [{ HostIp: '', HostPort: '7000-7001' }],
        },
      },
    );
    for (const [text, said] of [
      ['x', 'invalid containerPort: x'],
      ['80-82:90-91', 'invalid ranges specified for container and host Ports: 90-91 and 80-82'],
      ['1.2.3:80:80', 'invalid IP address: 1.2.3'],
      ['80:80/foo', 'invalid proto: foo'],
      ['x:80', 'invalid hostPort: x'],
      ['80:', 'no port specified: 80:<empty>'],
      ['70000:80', 'invalid hostPort: 70000'],
    ] as const)
      assert.equal(
        refusal(() => parsePorts([text], [])),
        said,
      );
  });

  it('mounts', () => {
    assert.deepEqual(parseMount('type=bind,src=/a,dst=/b,readonly,bind-propagation=rshared'), {
      Type: 'bind',
      Source: '/a',
      Target: '/b',
      ReadOnly: true,
      BindOptions: { Propagation: 'rshared' },
    });
    assert.deepEqual(parseMount('dst=/v,"volume-label=a=1,2",volume-opt=o=x,volume-driver=d,volume-nocopy'), {
      Type: 'volume',
      Target: '/v',
      VolumeOptions: { Labels: { a: '1,2' }, DriverConfig: { Options: { o: 'x' }, Name: 'd' }, NoCopy: true },
    });
    assert.deepEqual(parseMount('type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770'), {
      Type: 'tmpfs',
      Target: '/t',
      TmpfsOptions: { SizeBytes: 1048576, Mode: 0o1770 },
    });
    for (const [text, said] of [
      ['foo', "invalid field 'foo' must be a key=value pair"],
      ['type=bind,src=/a,dst=/b,foo=1', "unexpected key 'foo' in 'foo=1'"],
      ['type=bind,dst=/b,tmpfs-size=1', "cannot mix 'tmpfs-*' options with mount type 'bind'"],
      ['type=bind,src=/a', 'target is required'],
      ['type=bind,dst=/b,ro=x', 'invalid value for ro: x'],
      ['dst=/a,"x', 'parse error on line 1, column 10: extraneous or missing " in quoted-field'],
    ] as const)
      assert.equal(
        refusal(() => parseMount(text)),
        said,
      );
    assert.deepEqual(parseCsv('a,"b,""c""",'), ['a', 'b,"c"', '']);
  });

  it('times', () => {
    const now = Date.parse('2026-01-02T03:04:05Z');
    assert.equal(timestamp('10s', 'since', now), `${now / 1000 - 10}.000000000`);
    assert.equal(timestamp('1700000000.5', 'since', now), '1700000000.5');
    assert.equal(timestamp('2026-01-02T03:04:05.123Z', 'since', now), `${now / 1000}.123000000`);
    assert.equal(
      refusal(() => timestamp('x', 'since', now)),
      'invalid value for "since": failed to parse value as time or duration: "x"',
    );
  });

  it('hosts', () => {
    assert.deepEqual(parseHost('unix:///a', null), { text: 'unix:///a', where: { socketPath: '/a' }, tls: null });
    assert.deepEqual(parseHost('tcp://[::1]:1', null).where, { host: '::1', port: 1 });
    assert.deepEqual(parseHost('foo', null), { text: 'tcp://foo:2375', where: { host: 'foo', port: 2375 }, tls: null });
    assert.deepEqual(parseHost('tcp://h', { verify: true }).where, { host: 'h', port: 2376 });
    for (const wrong of ['ssh://h', 'npipe:////x', 'tcp://h:99999', 'tcp://a b'])
      assert.notEqual(
        refusal(() => parseHost(wrong, null)),
        'not refused',
        wrong,
      );
  });

  it('names of images', () => {
    for (const [text, whole] of [
      ['busybox', 'busybox:latest'],
      ['a.b/c/d:e', 'a.b/c/d:e'],
      ['docker.io/library/x', 'x:latest'],
      ['localhost/x', 'localhost/x:latest'],
      ['h:5000/x:1', 'h:5000/x:1'],
      ['u/x', 'u/x:latest'],
    ] as const)
      assert.equal(familiar(tagged(parseReference(text))), whole);
    assert.equal(
      refusal(() => parseReference('Bad:Name')),
      'invalid reference format: repository name (library/Bad) must be lowercase',
    );
    for (const wrong of ['', ':x', 'a//b', 'a:', 'a@b', '-a', 'a:b c', `${'a'.repeat(300)}`])
      assert.notEqual(
        refusal(() => parseReference(wrong)),
        'not refused',
        wrong,
      );
    assert.equal(withoutDigest(`x:1@sha256:${'a'.repeat(64)}`), 'x:1');
  });

  it('address pools', () => {
    assert.deepEqual(
      addressConfig({
        subnets: ['10.0.0.0/8', 'fd00::/8'],
        ranges: ['10.1.0.0/16'],
        gateways: ['fd00::1'],
        auxiliary: { a: '10.0.0.9' },
      }),
      [
        { Subnet: '10.0.0.0/8', IPRange: '10.1.0.0/16', Gateway: '', AuxiliaryAddresses: { a: '10.0.0.9' } },
        { Subnet: 'fd00::/8', IPRange: '', Gateway: 'fd00::1', AuxiliaryAddresses: {} },
      ],
    );
    assert.equal(
      refusal(() => addressConfig({ subnets: ['10.0.0.0/8'], ranges: [], gateways: ['11.0.0.1'], auxiliary: {} })),
      'no matching subnet for gateway 11.0.0.1',
    );
  });
});

describe('what run sends', () => {
  const directory = mkdtempSync(join(tmpdir(), 'glassbox-docker-cli-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const body = (...words: string[]): ReturnType<typeof createBody> => {
    const { flags, args } = parse(['run', ...words]);
    return createBody(flags, args, { HOME: '/h' });
  };

  it('takes environment and labels from files and flags', () => {
    const file = join(directory, 'env');
    writeFileSync(file, '# c\nEA=1\n\n  EB=two words\nHOME\nGONE\n');
    const made = body(
      '--env-file',
      file,
      '-e',
      'HOME',
      '-e',
      'NONE',
      '-e',
      'X=',
      '--label-file',
      file,
      '-l',
      'q',
      'img',
    );
    assert.deepEqual(made['Env'], ['EA=1', 'EB=two words', 'HOME=/h', 'HOME=/h', 'NONE', 'X=']);
    assert.deepEqual(made['Labels'], { EA: '1', EB: 'two words', q: '' });
    writeFileSync(file, 'A B=1\n');
    assert.match(
      refusal(() => body('--env-file', file, 'x')),
      /contains whitespaces/,
    );
    assert.equal(
      refusal(() => body('--env-file', '/nonono', 'x')),
      'open /nonono: no such file or directory',
    );
  });

  it('sends a seccomp profile as JSON', () => {
    const file = join(directory, 'seccomp.json');
    writeFileSync(file, '{ "defaultAction": "SCMP_ACT_ALLOW" }\n');
    assert.deepEqual(
      body('--security-opt', `seccomp=${file}`, '--security-opt', 'no-new-privileges', 'x').HostConfig['SecurityOpt'],
      ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', 'no-new-privileges'],
    );
    assert.deepEqual(body('--security-opt', 'systempaths=unconfined', 'x').HostConfig['MaskedPaths'], []);
    assert.equal(
      refusal(() => body('--security-opt', 'foo', 'x')),
      'Invalid --security-opt: "foo"',
    );
  });

  it('tells binds from volumes, and networks from modes', () => {
    const { HostConfig, Volumes } = body('-v', '/a:/b:ro', '-v', 'vol:/c', '-v', '/anonymous', 'x');
    assert.deepEqual(HostConfig['Binds'], ['/a:/b:ro', 'vol:/c']);
    assert.deepEqual(Volumes, { '/anonymous': {} });
    assert.deepEqual(
      body('--network', 'name=n,alias=a,ip=10.0.0.2', '--network', 'm', 'x').NetworkingConfig.EndpointsConfig,
      { n: { Aliases: ['a'], IPAMConfig: { IPv4Address: '10.0.0.2' } }, m: {} },
    );
    assert.equal(body('--net', 'host', 'x').HostConfig['NetworkMode'], 'host');
    assert.equal(
      refusal(() => body('--network-alias', 'a', 'x')),
      'network-scoped aliases are only supported for user-defined networks',
    );
  });

  it('keeps the streams apart', () => {
    const streams = (...words: string[]): unknown[] => {
      const { AttachStdin, AttachStdout, AttachStderr, OpenStdin, StdinOnce } = body(...words, 'x');
      return [AttachStdin, AttachStdout, AttachStderr, OpenStdin, StdinOnce];
    };
    assert.deepEqual(streams(), [false, true, true, false, false]);
    assert.deepEqual(streams('-i'), [true, true, true, true, true]);
    assert.deepEqual(streams('-a', 'stdout'), [false, true, false, false, false]);
  });

  it('refuses what does not go together', () => {
    for (const [words, said] of [
      [['--restart', 'always', '--rm'], 'conflicting options: cannot specify both --restart and --rm'],
      [['--health-cmd', 'x', '--no-healthcheck'], '--no-healthcheck conflicts with --health-* options'],
      [['--memory-swappiness', '200'], 'invalid value: 200. Valid memory swappiness range is 0-100'],
      [['--pid', 'foo'], '--pid: invalid PID mode'],
      [['--uts', 'foo'], '--uts: invalid UTS mode'],
      [['--userns', 'foo'], '--userns: invalid USER mode'],
      [['--cgroupns', 'foo'], '--cgroupns: invalid CGROUP mode'],
      [['--device', 'a:b:c:d'], 'bad format for path: a:b:c:d'],
      [
        ['--expose', 'foo'],
        'invalid range format for --expose: foo, error: strconv.ParseUint: parsing "foo": invalid syntax',
      ],
      [['--restart', ':3'], 'invalid restart policy format: no policy provided before colon'],
      [['--mac-address', 'foo'], 'foo is not a valid mac address'],
      [['--log-driver', 'none', '--log-opt', 'a=b'], 'invalid logging opts for driver none'],
    ] as const)
      assert.equal(
        refusal(() => body(...words, 'x')),
        said,
      );
  });
});
