import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import { parseJson } from '../../engine/runtime/spec/json.js';
import {
  MAX_SPEC_BYTES,
  parseProcess,
  parseResources,
  parseSpec,
  readJsonFile,
  readSpecFile,
} from '../../engine/runtime/spec/parse.js';
import type { Spec } from '../../engine/runtime/spec/types.js';

const directory = mkdtempSync(join(tmpdir(), 'glassbox-spec-'));
after(() => rmSync(directory, { recursive: true }));

const spec = (members: string): Spec => parseSpec(parseJson(`{"root":{"path":"r"}${members && `,${members}`}}`));
const refuses = (act: () => unknown, message: string, code = 'InvalidArgument'): void => {
  assert.throws(act, (error) => {
    assert.ok(error instanceof EngineError, `not an EngineError: ${String(error)}`);
    assert.deepEqual([error.code, error.message], [code, message]);
    return true;
  });
};

describe('parseSpec', () => {
  it('makes of almost nothing what Go would', () => {
    assert.deepEqual(spec(''), {
      ociVersion: '',
      root: { path: 'r' },
      mounts: [],
      hooks: {
        prestart: [],
        createRuntime: [],
        createContainer: [],
        startContainer: [],
        poststart: [],
        poststop: [],
      },
      annotations: {},
      linux: {
        namespaces: [],
        uidMappings: [],
        gidMappings: [],
        timeOffsets: {},
        devices: [],
        resources: { devices: [], hugepageLimits: [], rdma: {}, unified: {} },
        sysctl: {},
        maskedPaths: [],
        readonlyPaths: [],
      },
    });
  });

  it('reads every member of a process', () => {
    const text = `{"terminal":true,"consoleSize":{"height":24,"width":80},"user":{"uid":1,"gid":2,"umask":18,"additionalGids":[3]},
      "args":["a","é\\u0041"],"env":["A=b"],"cwd":"/","capabilities":{"bounding":["CAP_CHOWN"],"ambient":["CAP_X"]},
      "rlimits":[{"type":"RLIMIT_NOFILE","soft":9007199254740993,"hard":18446744073709551615}],"noNewPrivileges":true,
      "apparmorProfile":"p","selinuxLabel":"l","oomScoreAdj":-500,
      "scheduler":{"policy":"SCHED_DEADLINE","nice":-1,"priority":0,"flags":["SCHED_FLAG_RECLAIM"],"runtime":1,"deadline":2,"period":18446744073709551615},
      "ioPriority":{"class":"IOPRIO_CLASS_BE","priority":4},"execCPUAffinity":{"initial":"0-1","final":"2, 3"},"commandLine":5}`;
    assert.deepEqual(parseProcess(parseJson(text)), {
      terminal: true,
      consoleSize: { height: 24, width: 80 },
      user: { uid: 1, gid: 2, umask: 18, additionalGids: [3] },
      args: ['a', 'éA'],
      env: ['A=b'],
      cwd: '/',
      capabilities: { bounding: ['CAP_CHOWN'], effective: [], inheritable: [], permitted: [], ambient: ['CAP_X'] },
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 9007199254740993n, hard: 18446744073709551615n }],
      noNewPrivileges: true,
      apparmorProfile: 'p',
      selinuxLabel: 'l',
      oomScoreAdj: -500,
      scheduler: {
        policy: 'SCHED_DEADLINE',
        nice: -1,
        priority: 0,
        flags: ['SCHED_FLAG_RECLAIM'],
        runtime: 1n,
        deadline: 2n,
        period: 18446744073709551615n,
      },
      ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 4 },
      execCPUAffinity: { initial: '0-1', final: '2, 3' },
    });
    assert.deepEqual(parseProcess(parseJson('{}')), {
      user: { uid: 0, gid: 0, additionalGids: [] },
      args: [],
      env: [],
      cwd: '',
      capabilities: null,
      rlimits: [],
    });
  });

  it('reads every member of the resources', () => {
    const text = `{"devices":[{"allow":true,"type":"c","major":10,"minor":-1,"access":"rwm"},{"type":""}],
      "memory":{"limit":9223372036854775807,"reservation":-1,"swap":-9223372036854775808,"kernel":0,"kernelTCP":1,"swappiness":60,
        "disableOOMKiller":true,"useHierarchy":false,"checkBeforeUpdate":true},
      "cpu":{"shares":18446744073709551615,"quota":-1,"burst":1,"period":100000,"realtimeRuntime":1,"realtimePeriod":2,"cpus":"0-3","mems":"0","idle":1},
      "pids":{"limit":-1},
      "blockIO":{"weight":10,"leafWeight":65535,"weightDevice":[{"major":8,"minor":0,"weight":1,"leafWeight":2}],
        "throttleReadBpsDevice":[{"major":8,"minor":1,"rate":18446744073709551615}],"throttleWriteIOPSDevice":[{}]},
      "hugepageLimits":[{"pageSize":"2MB","limit":9007199254740993}],
      "network":{"classID":4294967295,"priorities":[{"name":"eth0","priority":1}]},
      "rdma":{"mlx5_1":{"hcaHandles":3},"x":{"hcaObjects":4294967295}},"unified":{"memory.high":"max"}}`;
    assert.deepEqual(parseResources(parseJson(text)), {
      devices: [{ allow: true, type: 'c', major: 10, minor: -1, access: 'rwm' }, { allow: false }],
      memory: {
        limit: 9223372036854775807n,
        reservation: -1n,
        swap: -9223372036854775808n,
        kernel: 0n,
        kernelTCP: 1n,
        swappiness: 60,
        disableOOMKiller: true,
        useHierarchy: false,
        checkBeforeUpdate: true,
      },
      cpu: {
        shares: 18446744073709551615n,
        quota: -1n,
        burst: 1n,
        period: 100000n,
        realtimeRuntime: 1n,
        realtimePeriod: 2n,
        cpus: '0-3',
        mems: '0',
        idle: 1,
      },
      pids: { limit: -1n },
      blockIO: {
        weight: 10,
        leafWeight: 65535,
        weightDevice: [{ major: 8, minor: 0, weight: 1, leafWeight: 2 }],
        throttleReadBpsDevice: [{ major: 8, minor: 1, rate: 18446744073709551615n }],
        throttleWriteBpsDevice: [],
        throttleReadIOPSDevice: [],
        throttleWriteIOPSDevice: [{ major: 0, minor: 0, rate: 0n }],
      },
      hugepageLimits: [{ pageSize: '2MB', limit: 9007199254740993n }],
      network: { classID: 4294967295, priorities: [{ name: 'eth0', priority: 1 }] },
      rdma: { mlx5_1: { hcaHandles: 3 }, x: { hcaObjects: 4294967295 } },
      unified: { 'memory.high': 'max' },
    });
  });

  it('reads every member of linux', () => {
    const map = '[{"containerID":0,"hostID":4294967295,"size":1}]';
    const { linux, mounts, hooks, annotations, hostname, domainname, root } = spec(`"hostname":"h","domainname":"d",
      "annotations":{"a":"b"},"mounts":[{"destination":"/d","type":"bind","source":"/s","options":["ro"],"uidMappings":${map},"gidMappings":${map}},{}],
      "hooks":{"poststop":[{"path":"/h","args":["h"],"env":["A=b"],"timeout":3}]},
      "linux":{"namespaces":[{"type":"pid"},{"type":"time","path":"/p"},{"type":"user","path":""}],"uidMappings":${map},"gidMappings":${map},
        "timeOffsets":{"boottime":{"secs":-5,"nanosecs":999999999},"monotonic":{}},
        "devices":[{"path":"/dev/x","type":"u","major":1,"minor":2,"fileMode":8630,"uid":4294967295,"gid":3},{"type":"p"}],
        "cgroupsPath":"/c","rootfsPropagation":"slave","sysctl":{"net.x":"1"},"maskedPaths":["/m"],"readonlyPaths":["/r"],"mountLabel":"l",
        "personality":{"domain":"LINUX32"},"intelRdt":{"closID":null},"netDevices":{"eth0":{}},"memoryPolicy":{},
        "seccomp":{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86"],"flags":["F"],"listenerPath":"/l","listenerMetadata":"m",
          "syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW","errnoRet":1,"args":[{"index":1,"value":18446744073709551615,"valueTwo":9007199254740993,"op":"SCMP_CMP_EQ"},{}]}]}}`);
    const ids = [{ containerID: 0, hostID: 4294967295, size: 1 }];
    assert.deepEqual([hostname, domainname, annotations, root], ['h', 'd', { a: 'b' }, { path: 'r' }]);
    assert.deepEqual(mounts, [
      { destination: '/d', type: 'bind', source: '/s', options: ['ro'], uidMappings: ids, gidMappings: ids },
      { destination: '', options: [], uidMappings: [], gidMappings: [] },
    ]);
    assert.deepEqual(hooks.poststop, [{ path: '/h', args: ['h'], env: ['A=b'], timeout: 3 }]);
    const { resources, ...rest } = linux;
    assert.deepEqual(resources.devices, []);
    assert.deepEqual(rest, {
      namespaces: [{ type: 'pid' }, { type: 'time', path: '/p' }, { type: 'user' }],
      uidMappings: ids,
      gidMappings: ids,
      timeOffsets: { boottime: { secs: -5, nanosecs: 999999999 }, monotonic: { secs: 0, nanosecs: 0 } },
      devices: [
        { path: '/dev/x', type: 'u', major: 1, minor: 2, fileMode: 0o666, uid: 4294967295, gid: 3 },
        { path: '', type: 'p', major: 0, minor: 0 },
      ],
      cgroupsPath: '/c',
      rootfsPropagation: 'slave',
      sysctl: { 'net.x': '1' },
      maskedPaths: ['/m'],
      readonlyPaths: ['/r'],
      mountLabel: 'l',
      personality: { domain: 'LINUX32', flags: [] },
      notApplied: ['linux.netDevices'],
      seccomp: {
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 38,
        architectures: ['SCMP_ARCH_X86'],
        flags: ['F'],
        listenerPath: '/l',
        listenerMetadata: 'm',
        syscalls: [
          {
            names: ['a'],
            action: 'SCMP_ACT_ALLOW',
            errnoRet: 1,
            args: [
              { index: 1, value: 18446744073709551615n, valueTwo: 9007199254740993n, op: 'SCMP_CMP_EQ' },
              { index: 0, value: 0n, valueTwo: 0n, op: '' },
            ],
          },
        ],
      },
    });
    assert.equal(spec('"linux":{"seccomp":{"defaultAction":""}}').linux.seccomp, undefined);
  });

  it('names the field and what was expected', () => {
    for (const [members, message] of [
      ['"process":{"user":{"uid":-1}}', 'process.user.uid is -1; expected a whole number from 0 to 2147483647'],
      [
        '"process":{"user":{"uid":4294967296}}',
        'process.user.uid is 4294967296; expected a whole number from 0 to 2147483647',
      ],
      ['"process":{"user":{"uid":1.0}}', 'process.user.uid is 1.0; expected a whole number from 0 to 2147483647'],
      ['"process":{"user":{"uid":" 0"}}', 'process.user.uid is " 0"; expected a whole number from 0 to 2147483647'],
      ['"process":{"args":["a",null]}', 'process.args[1] is null; expected a string'],
      ['"process":{"args":"a"}', 'process.args is "a"; expected a list'],
      ['"process":[]', 'process is a list of 0; expected an object'],
      ['"process":{"terminal":1}', 'process.terminal is 1; expected true or false'],
      ['"process":{"cwd":"a\\u0000"}', 'process.cwd is a string with a NUL byte; expected a string without'],
      [`"process":{"cwd":"${'é'.repeat(2048)}"}`, 'process.cwd is 4096 bytes long; expected at most 4095'],
      [
        `"process":{"args":["${'a'.repeat(131_072)}"]}`,
        'process.args[0] is 131072 bytes long; expected at most 131071',
      ],
      [
        '"process":{"rlimits":[{"soft":18446744073709551616}]}',
        'process.rlimits[0].soft is 18446744073709551616; expected a whole number from 0 to 18446744073709551615',
      ],
      [
        `"process":{"user":{"additionalGids":[${'0,'.repeat(65_536)}0]}}`,
        'process.user.additionalGids is a list of 65537; expected at most 65536',
      ],
      ['"annotations":{"a.b":{}}', 'annotations["a.b"] is an object; expected a string'],
      [
        '"annotations":{"a\\u0000":"b"}',
        'annotations["a\\u0000"] (its name) is a string with a NUL byte; expected a string without',
      ],
      [`"linux":{"uidMappings":[${'{},'.repeat(340)}{}]}`, 'linux.uidMappings is a list of 341; expected at most 340'],
      [
        '"linux":{"namespaces":[{}]}',
        'linux.namespaces[0].type is missing; expected one of mount, pid, network, uts, ipc, user, cgroup, time',
      ],
      [
        '"linux":{"devices":[{"type":"c","minor":1048576}]}',
        'linux.devices[0].minor is 1048576; expected a whole number from 0 to 1048575',
      ],
      [
        '"process":{"ioPriority":{"class":"X"}}',
        'process.ioPriority.class is "X"; expected one of IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE',
      ],
      [
        '"process":{"execCPUAffinity":{"final":"a"}}',
        'process.execCPUAffinity.final is "a"; expected a list of processors such as "0-3,7"',
      ],
    ] as const)
      refuses(() => spec(members), message);
    refuses(() => parseSpec(parseJson('null')), 'the specification is null; expected an object');
    refuses(() => parseSpec(undefined), 'the specification is missing; expected an object');
    refuses(() => parseProcess([]), 'the process is a list of 0; expected an object');
    refuses(() => parseResources('x'), 'the resources is "x"; expected an object');
    refuses(() => parseSpec({}), 'root is missing; expected an object: root must be specified');
    refuses(
      () => parseResources({ memory: { limit: 2 ** 60 } }),
      'memory.limit is 1152921504606847000; expected a number that was not rounded before',
    );
  });

  it('leaves prototypes alone', () => {
    const { annotations, linux } = spec(
      '"__proto__":{"polluted":1},"annotations":{"__proto__":"x","constructor":"y"},"linux":{"__proto__":{"cgroupsPath":"/x"}}',
    );
    assert.deepEqual(Object.entries(annotations), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    assert.equal(Object.getPrototypeOf(annotations), Object.prototype);
    assert.equal(linux.cgroupsPath, undefined);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
    assert.equal(
      parseSpec(Object.create({ root: { path: 'r' } }, { root: { value: { path: 'own' }, enumerable: true } })).root
        .path,
      'own',
    );
  });
});

describe('parseJson', () => {
  it('agrees with JSON.parse where a double is exact', () => {
    for (const text of [
      '0',
      '-1',
      ' [ ] ',
      '{"a" : [1 , "\\"\\\\\\u00e9\\ud83d\\ude00", true,false , null]}',
      '9007199254740991',
      '"\\n"',
    ])
      assert.deepEqual(parseJson(text), JSON.parse(text));
    assert.equal(parseJson('9007199254740992'), 9007199254740992n);
    assert.equal(parseJson('-18446744073709551616'), -18446744073709551616n);
  });

  it('refuses what JSON.parse refuses, and says where', () => {
    for (const text of [
      '',
      '{',
      '[1,]',
      '{"a":1,}',
      "{'a':1}",
      '{a:1}',
      '01',
      '+1',
      '1.',
      '.5',
      '1e',
      '--1',
      'nul',
      'NaN',
      '"\n"',
      '"\\x"',
      '"\\u12"',
      '"a',
      '[1] 2',
      '\ufeff{}',
      '\u00a0{}',
      '{"a"}',
      '[,1]',
      '\\',
    ]) {
      assert.throws(() => JSON.parse(text) as unknown, SyntaxError, text);
      assert.throws(() => parseJson(text), EngineError, text);
    }
    refuses(() => parseJson('{\n"a":1,}'), 'the JSON text has "}" at offset 8, line 2, where a key was expected');
    refuses(() => parseJson('[1'), 'the JSON text has the end at offset 2, line 1, where "," was expected');
    refuses(
      () => parseJson('{"a":1,"a":2}'),
      'the JSON text has the key "a" twice in one object, the second at offset 7',
    );
    refuses(() => parseJson('['.repeat(100_000)), 'the JSON text nests deeper than 128 levels');
    refuses(() => parseJson(`[${'0,'.repeat(1 << 20)}0]`), 'the JSON text holds more than 1048576 values');
  });
});

describe('readSpecFile', () => {
  const path = join(directory, 'config.json');

  it('reads a file', () => {
    writeFileSync(path, '{"root":{"path":"x"}}');
    assert.equal(readSpecFile(path).root.path, 'x');
  });

  it('says which file is wrong', () => {
    writeFileSync(path, '{"root":1}');
    refuses(() => readSpecFile(path), `${path}: root is 1; expected an object`);
    writeFileSync(path, '{');
    refuses(
      () => readSpecFile(path),
      `${path}: the JSON text has the end at offset 1, line 1, where a key was expected`,
    );
    const missing = join(directory, 'missing.json');
    refuses(() => readSpecFile(missing), `JSON specification file ${missing} not found`, 'NotFound');
    refuses(() => readSpecFile(directory), `${directory} is not a regular file`);
  });

  it('neither waits for a FIFO nor reads without end', () => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    refuses(() => readSpecFile(fifo), `${fifo} is not a regular file`);
    refuses(() => readSpecFile('/dev/zero'), '/dev/zero is not a regular file');
    refuses(() => readJsonFile('/dev/zero'), `/dev/zero is longer than ${MAX_SPEC_BYTES} bytes`);
    writeFileSync(path, ' '.repeat(MAX_SPEC_BYTES + 1));
    refuses(() => readSpecFile(path), `${path} is longer than ${MAX_SPEC_BYTES} bytes`);
    writeFileSync(path, `{"root":{"path":"x"}}${' '.repeat(MAX_SPEC_BYTES - 21)}`);
    assert.equal(readFileSync(path).length, MAX_SPEC_BYTES);
    assert.equal(readSpecFile(path).root.path, 'x');
  });
});
