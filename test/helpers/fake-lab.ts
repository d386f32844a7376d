/** A lab that is no lab: its shell is a local one on a pseudo-terminal, its snapshots and ledger are what the test says. */
import { execFile } from 'node:child_process';
import type {
  Bilingual,
  Change,
  ExecRequest,
  ExecResult,
  Lab,
  LabInfo,
  LedgerEntry,
  ObserveEvent,
  Session,
  SessionRequest,
  Snapshot,
} from '../../engine/api/types.js';
import { openPty } from './pty.js';

export const FAKE_INFO: LabInfo = {
  id: 'fake',
  hostname: 'glassbox',
  initHostPid: 1,
  startedAt: 0,
  readyMs: 50,
  mode: 'root',
  cgroupMode: 'v2',
  weaknesses: [],
  kept: null,
};

export function emptySnapshot(seq = 1): Snapshot {
  return {
    version: 1,
    seq,
    takenAt: Date.now(),
    lab: FAKE_INFO,
    hostname: 'glassbox',
    namespaces: [],
    processes: [],
    networks: [],
    mountTables: [],
    overlays: [],
    cgroups: { mode: 'none', hierarchies: [], groups: [] },
    problems: [],
  };
}

function ptySession(request: SessionRequest): Session {
  const pty = openPty(request.argv, {
    columns: request.cols,
    rows: request.rows,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', LANG: 'C.UTF-8', ...request.env },
  });
  return {
    id: 'fake',
    onData: (listener) => pty.onData(listener),
    onExit: (listener) => void pty.exited.then((exitCode) => listener({ exitCode, signal: null })),
    write: (bytes) => pty.write(bytes),
    resize: (cols, rows) => pty.resize(cols, rows),
    pause: () => pty.pause(),
    resume: () => pty.resume(),
    close: () => pty.close(),
  };
}

function run(request: ExecRequest): Promise<ExecResult> {
  return new Promise((resolve) => {
    const [program, ...rest] = request.argv;
    const child = execFile(program!, rest, { timeout: 5000 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 126;
      resolve({ exitCode, signal: null, stdout, stderr, timedOut: false, truncated: false });
    });
    child.stdin?.end(request.stdin ?? '');
  });
}

/** A session whose program is the test itself. */
export class ScriptedSession implements Session {
  readonly id = 'scripted';
  readonly written: string[] = [];
  readonly sizes: [number, number][] = [];
  paused = 0;
  resumed = 0;
  closed = false;
  #data: ((bytes: Uint8Array) => void)[] = [];
  #exit: ((status: { exitCode: number; signal: string | null }) => void)[] = [];

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#data.push(listener);
  }
  onExit(listener: (status: { exitCode: number; signal: string | null }) => void): void {
    this.#exit.push(listener);
  }
  write(bytes: Uint8Array | string): void {
    this.written.push(typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1'));
  }
  resize(cols: number, rows: number): void {
    this.sizes.push([cols, rows]);
  }
  pause(): void {
    this.paused++;
  }
  resume(): void {
    this.resumed++;
  }
  close(): void {
    this.closed = true;
  }
  print(text: string): void {
    for (const listener of this.#data) listener(Buffer.from(text));
  }
  exit(exitCode: number): void {
    for (const listener of this.#exit) listener({ exitCode, signal: null });
  }
}

export class FakeLab implements Lab {
  readonly info: LabInfo = FAKE_INFO;
  snapshotNow: Snapshot = emptySnapshot();
  closed = false;
  /** Sessions to hand out before real shells are opened. */
  readonly scripted: Session[];
  #watchers = new Set<(event: ObserveEvent) => void>();
  #ledgerWatchers = new Set<(entry: LedgerEntry) => void>();
  #entries: LedgerEntry[] = [];
  #gone: ((reason: Bilingual) => void)[] = [];

  constructor(...scripted: Session[]) {
    this.scripted = scripted;
  }

  async exec(request: ExecRequest): Promise<ExecResult> {
    // A test with a scripted shell needs no start-up file.
    if (this.scripted.length > 0)
      return { exitCode: 0, signal: null, stdout: '', stderr: '', timedOut: false, truncated: false };
    return run(request);
  }
  async openSession(request: SessionRequest): Promise<Session> {
    return this.scripted.shift() ?? ptySession(request);
  }
  async snapshot(): Promise<Snapshot> {
    return this.snapshotNow;
  }
  watch(listener: (event: ObserveEvent) => void): () => void {
    this.#watchers.add(listener);
    setImmediate(() => this.#watchers.has(listener) && listener({ snapshot: this.snapshotNow, changes: [] }));
    return () => this.#watchers.delete(listener);
  }
  async ledger(since = -1): Promise<readonly LedgerEntry[]> {
    return this.#entries.filter((entry) => entry.seq > since);
  }
  watchLedger(listener: (entry: LedgerEntry) => void): () => void {
    this.#ledgerWatchers.add(listener);
    return () => this.#ledgerWatchers.delete(listener);
  }
  async explain(): Promise<[]> {
    return [];
  }
  async reset(): Promise<Lab> {
    this.closed = true;
    return new FakeLab();
  }
  async close(): Promise<void> {
    this.closed = true;
  }
  onGone(listener: (reason: Bilingual) => void): void {
    this.#gone.push(listener);
  }

  // What the test does to it.
  emit(snapshot: Snapshot, changes: readonly Change[]): void {
    this.snapshotNow = snapshot;
    for (const watcher of this.#watchers) watcher({ snapshot, changes });
  }
  record(entry: LedgerEntry): void {
    this.#entries.push(entry);
    for (const watcher of this.#ledgerWatchers) watcher(entry);
  }
  vanish(reason: Bilingual): void {
    for (const listener of this.#gone) listener(reason);
  }
}
