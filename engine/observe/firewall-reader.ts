import { closeSync } from 'node:fs';
import type { Firewall, NamespaceId } from '../api/types.js';
import type { Kernel } from '../kernel/kernel.js';
import { AF_NETLINK, type LabAccess, SOCK_RAW } from './access.js';
import { FIREWALL_COMMANDS, parseFirewall } from './network/index.js';
import { reasonOf } from './problems.js';

const NETLINK_NETFILTER = 12;
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_GETTABLE = 1;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;

/** Namespaces whose rules are read at the same time. */
const AT_ONCE = 2;

const EMPTY: Firewall = { chains: [], rules: [], nftOnly: [] };

/**
 * Rules of each network namespace, read by the machine's own iptables-save and nft, which translate what the kernel holds
 * into the words that a learner types. They are run only where the kernel says that there are tables at all, and only
 * when something told that the rules or their counters differ.
 */
export class FirewallReader {
  readonly #kernel: Kernel;
  readonly #access: LabAccess;
  readonly #found = new Map<NamespaceId, Firewall | null>();
  readonly #reasons = new Map<NamespaceId, string>();
  /** How those were to be opened that could not be: the process through which one was found may end any moment. */
  readonly #unopened = new Map<NamespaceId, string | null>();
  readonly #running = new Map<NamespaceId, Promise<void>>();
  readonly #again = new Map<NamespaceId, () => number | null>();
  readonly #waiting: (() => void)[] = [];
  #reading = 0;
  #legacy: boolean | null = null;

  constructor(kernel: Kernel, access: LabAccess) {
    this.#kernel = kernel;
    this.#access = access;
  }

  /** Undefined: never read. Null: could not be read. */
  get(id: NamespaceId): Firewall | null | undefined {
    return this.#found.get(id);
  }

  /**
   * It was read, or is being read.
   *
   * @param by how it can be opened: one that could not be is tried again when that is another way
   */
  isKnown(id: NamespaceId, by: string | null): boolean {
    if (this.#running.has(id)) return true;
    const failed = this.#unopened.get(id);
    return this.#found.has(id) && (failed === undefined || failed === by);
  }

  hasRules(id: NamespaceId): boolean {
    const found = this.#found.get(id);
    return found !== undefined && found !== null && found.chains.length + found.rules.length + found.nftOnly.length > 0;
  }

  /**
   * Namespaces whose last reading failed for another reason than that they could not be opened: a program took too long
   * on a busy machine, or met a change half way. Nothing tells of them again, so they are due for another try.
   */
  get failed(): NamespaceId[] {
    return [...this.#reasons.keys()].filter((id) => !this.#unopened.has(id));
  }

  /** Why the rules of a namespace could not be read at the last try; undefined when they were. */
  problemOf(id: NamespaceId): string | undefined {
    return this.#reasons.get(id);
  }

  retain(alive: ReadonlySet<NamespaceId>): void {
    for (const id of this.#found.keys()) if (!alive.has(id)) this.#found.delete(id);
    for (const id of this.#reasons.keys()) if (!alive.has(id)) this.#reasons.delete(id);
    for (const id of this.#unopened.keys()) if (!alive.has(id)) this.#unopened.delete(id);
  }

  /**
   * Read a namespace's rules in the background. `open` gives a descriptor of the namespace, which is closed as soon as
   * the programs have ended; asked for while a reading is under way, one more follows it. `by` says how it is opened.
   *
   * @returns when this reading (and one that had to follow) is over; never rejects
   */
  read(id: NamespaceId, open: () => number | null, by: () => string | null): Promise<void> {
    const running = this.#running.get(id);
    if (running !== undefined) {
      this.#again.set(id, open);
      return running;
    }
    const reading = this.#readUntilQuiet(id, open, by).finally(() => this.#running.delete(id));
    this.#running.set(id, reading);
    return reading;
  }

  /** All readings that are under way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  async #readUntilQuiet(id: NamespaceId, open: () => number | null, by: () => string | null): Promise<void> {
    for (let next: (() => number | null) | undefined = open; next !== undefined; ) {
      await this.#readOnce(id, next, by);
      next = this.#again.get(id);
      this.#again.delete(id);
    }
  }

  async #readOnce(id: NamespaceId, open: () => number | null, by: () => string | null): Promise<void> {
    let fd: number | null = null;
    await this.#takeTurn();
    try {
      fd = open();
      // Gone meanwhile, or held by nothing that can be opened: what is said of it is that it was not read.
      this.#unopened.delete(id);
      if (fd === null) {
        this.#unopened.set(id, by());
        throw new Error('the namespace cannot be opened');
      }
      const legacy = await this.#isLegacy(fd);
      const firewall = !legacy && !this.#hasTables(fd) ? EMPTY : await this.#run(fd);
      this.#found.set(id, firewall);
      this.#reasons.delete(id);
    } catch (error) {
      this.#found.set(id, null);
      this.#reasons.set(id, reasonOf(error));
    } finally {
      if (fd !== null) closeSync(fd);
      const next = this.#waiting.shift();
      if (next === undefined) this.#reading -= 1;
      else next();
    }
  }

  /** Each reading is three programs of the machine: a lab with a thousand networks must not start three thousand at once. */
  async #takeTurn(): Promise<void> {
    if (this.#reading >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#reading += 1;
  }

  async #run(fd: number): Promise<Firewall> {
    const text = async (argv: readonly string[]): Promise<string | null> => {
      const { exitCode, stdout, stderr } = await this.#access.run(fd, argv);
      if (exitCode === 0) return stdout;
      // 127: nsenter found no such program.
      if (exitCode === 127 || /No such file or directory/.test(stderr)) return null;
      throw new Error(`${argv.join(' ')}: exit code ${exitCode}: ${stderr.trim().split('\n')[0] ?? ''}`);
    };
    const [save4, save6, nftTables] = await Promise.all([
      text(FIREWALL_COMMANDS.save4),
      text(FIREWALL_COMMANDS.save6),
      text(FIREWALL_COMMANDS.nftTables),
    ]);
    if (save4 === null && save6 === null && nftTables === null) {
      throw new Error('neither iptables-save nor nft is installed on the machine');
    }
    return parseFirewall({ save4, save6, nftTables });
  }

  /** iptables-save of the x_tables kind: its rules are not in nftables, so the kernel cannot be asked whether there are any. */
  async #isLegacy(fd: number): Promise<boolean> {
    if (this.#legacy === null) {
      const { exitCode, stdout } = await this.#access.run(fd, ['iptables-save', '--version']);
      this.#legacy = exitCode === 0 && !stdout.includes('nf_tables');
    }
    return this.#legacy;
  }

  /** NFT_MSG_GETTABLE dump: is there one table. */
  #hasTables(netFd: number): boolean {
    const socket = this.#access.openSocket(netFd, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    try {
      const message = Buffer.alloc(20);
      message.writeUInt32LE(message.length, 0);
      message.writeUInt16LE((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE, 4);
      message.writeUInt16LE(NLM_F_REQUEST | NLM_F_DUMP, 6);
      message.writeUInt32LE(1, 8);
      const answer = Buffer.alloc(8192);
      if (this.#kernel.call('sendto', socket, message, message.length, 0, null, 0) < 0) return true;
      const got = this.#kernel.call('recvfrom', socket, answer, answer.length, 0, null, null);
      if (got < 16) return true;
      const type = answer.readUInt16LE(4);
      // Where it cannot be told, the programs are run: they know, or say why not.
      if (type === NLMSG_ERROR) return true;
      return type !== NLMSG_DONE;
    } finally {
      closeSync(socket);
    }
  }
}
