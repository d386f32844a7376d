import { closeSync, openSync } from 'node:fs';
import type { Namespace, NamespaceHolder, NamespaceId, NamespaceKind } from '../api/types.js';
import { O } from '../kernel/constants.js';
import type { Kernel } from '../kernel/kernel.js';
import { compareNamespaces, parseNamespaceId } from '../kernel/namespaces/ids.js';
import { identifyNamespace, openOwner, openParent, withFd } from '../kernel/namespaces/ioctl.js';
import { openInRoot } from '../kernel/namespaces/open-in-root.js';
import { hasVanished } from '../kernel/procfs/read.js';
import type { LabIdentity } from './lab-identity.js';
import type { Problems } from './problems.js';

/** How to reach a namespace from the engine: a link of ours, or a path inside another process's root. */
export type NamespaceRef =
  | { readonly kind: 'link'; readonly path: string }
  | { readonly kind: 'bind'; readonly rootDir: string; readonly path: string };

/** One finding: this namespace is held by that, and can be opened there. */
export interface Finding {
  readonly id: NamespaceId;
  readonly holder: NamespaceHolder;
  /** Null for a socket: it is opened through pidfd_getfd, so only while it is looked at. */
  readonly ref: NamespaceRef | null;
  /** Identity of the holder, stable while it lasts: a namespace none of whose holders stayed may be another with the same inode. */
  readonly holderKey: string;
  /** A process that is in the namespace (not one that merely holds it open): its lab pid. */
  readonly member?: number;
}

interface Relations {
  readonly owner: NamespaceId | null;
  readonly parent: NamespaceId | null;
  /** Namespaces met on the way up that nothing but the hierarchy holds. */
  readonly ancestors: readonly { id: NamespaceId; owner: NamespaceId | null; parent: NamespaceId | null }[];
  readonly holders: ReadonlySet<string>;
}

/** Holders that are listed for one namespace. */
const HOLDERS = 32;

/**
 * Joins findings into namespaces and asks the kernel how they are related (ioctl_ns(2)): owners, parents, and those that
 * exist only because a descendant does. Relations never change while a namespace lives, so they are asked once.
 */
export class NamespaceIndex {
  readonly #kernel: Kernel;
  readonly #lab: LabIdentity;
  #relations = new Map<NamespaceId, Relations>();
  #refs = new Map<NamespaceId, NamespaceRef>();
  #replaced = new Set<NamespaceId>();

  constructor(kernel: Kernel, lab: LabIdentity) {
    this.#kernel = kernel;
    this.#lab = lab;
  }

  /**
   * Namespaces of the last `build` that none of the holders of the one before still holds: the kernel gives inode numbers
   * again, so what was known under this id may have been another namespace.
   */
  get replaced(): ReadonlySet<NamespaceId> {
    return this.#replaced;
  }

  /** Where a namespace of the last `build` can be opened; null when only a socket or the hierarchy holds it. */
  refOf(id: NamespaceId): NamespaceRef | null {
    return this.#refs.get(id) ?? null;
  }

  /** The same as a text, to see whether it is still the same way. */
  wayTo(id: NamespaceId): string | null {
    const ref = this.refOf(id);
    return ref === null ? null : ref.kind === 'link' ? ref.path : `${ref.rootDir} ${ref.path}`;
  }

  /** A descriptor of a namespace of the last `build`; the caller closes it. Null when it is gone or out of reach. */
  open(id: NamespaceId): number | null {
    const ref = this.#refs.get(id);
    return ref === undefined ? null : openReference(this.#kernel, ref, id);
  }

  build(
    findings: readonly Finding[],
    names: ReadonlyMap<NamespaceId, readonly string[]>,
    problems: Problems,
  ): Namespace[] {
    const byId = new Map<NamespaceId, Finding[]>();
    for (const finding of findings) {
      const list = byId.get(finding.id);
      if (list === undefined) byId.set(finding.id, [finding]);
      else list.push(finding);
    }
    const relations = new Map<NamespaceId, Relations>();
    this.#refs = new Map();
    this.#replaced = new Set();
    for (const [id, found] of byId) {
      const keys = new Set(found.map((finding) => finding.holderKey));
      const before = this.#relations.get(id);
      const same = before !== undefined && [...keys].some((key) => before.holders.has(key));
      if (before !== undefined && !same) this.#replaced.add(id);
      for (const finding of found) {
        if (finding.ref !== null) {
          this.#refs.set(id, finding.ref);
          break;
        }
      }
      const known = same
        ? { ...before, holders: keys }
        : problems.attempt('namespaces', `relations of ${id}`, () => this.#relate(id, found, keys), null);
      if (known !== null) relations.set(id, known);
    }
    this.#relations = relations;
    return this.#assemble(byId, names);
  }

  #assemble(
    byId: ReadonlyMap<NamespaceId, readonly Finding[]>,
    names: ReadonlyMap<NamespaceId, readonly string[]>,
  ): Namespace[] {
    const result = new Map<NamespaceId, Namespace>();
    for (const [id, found] of byId) {
      const members = found.flatMap((finding) => (finding.member === undefined ? [] : [finding.member]));
      const relation = this.#relations.get(id);
      this.#put(result, id, {
        owner: relation?.owner ?? null,
        parent: relation?.parent ?? null,
        members: [...new Set(members)].sort((a, b) => a - b),
        heldBy: uniqueHolders(found.map((finding) => finding.holder)),
        names: names.get(id) ?? [],
      });
    }
    for (const relation of this.#relations.values()) {
      for (const { id, owner, parent } of relation.ancestors) {
        if (result.has(id)) continue;
        this.#put(result, id, {
          owner,
          parent,
          members: [],
          heldBy: [{ how: 'hierarchy' }],
          names: names.get(id) ?? [],
        });
      }
    }
    return [...result.values()].sort(compareNamespaces);
  }

  #put(
    result: Map<NamespaceId, Namespace>,
    id: NamespaceId,
    rest: Pick<Namespace, 'owner' | 'parent' | 'members' | 'heldBy' | 'names'>,
  ): void {
    const parsed = parseNamespaceId(id);
    if (parsed === null) return;
    const isLabHost = this.#lab.namespaces[parsed.kind] === id;
    result.set(id, {
      id,
      ...parsed,
      ...rest,
      parent: isLabHost ? null : rest.parent,
      isLabHost,
      isMachine: this.#lab.machine[parsed.kind] === id,
    });
  }

  /** Ask the kernel; throws when no holder can be opened though one should be. */
  #relate(id: NamespaceId, found: readonly Finding[], holders: ReadonlySet<string>): Relations {
    let fd: number | null = null;
    for (const finding of found) {
      fd = finding.ref === null ? null : openReference(this.#kernel, finding.ref, id);
      if (fd !== null) break;
    }
    // Gone between being found and being asked, or known by a socket alone: no relations, and no failure.
    if (fd === null) return { owner: null, parent: null, ancestors: [], holders };
    return withFd(fd, (at) => {
      const ancestors: { id: NamespaceId; owner: NamespaceId | null; parent: NamespaceId | null }[] = [];
      const owner = this.#ownerOf(at, ancestors);
      const parent = this.#parentOf(at, id, ancestors);
      return { owner, parent, ancestors, holders };
    });
  }

  #ownerOf(
    fd: number,
    ancestors: { id: NamespaceId; owner: NamespaceId | null; parent: NamespaceId | null }[],
  ): NamespaceId | null {
    const ownerFd = openOwner(this.#kernel, fd);
    if (ownerFd === null) return null;
    return withFd(ownerFd, (at) => this.#climb(at, ancestors));
  }

  #parentOf(
    fd: number,
    id: NamespaceId,
    ancestors: { id: NamespaceId; owner: NamespaceId | null; parent: NamespaceId | null }[],
  ): NamespaceId | null {
    const kind = parseNamespaceId(id)?.kind;
    if ((kind !== 'pid' && kind !== 'user') || this.#isTop(kind, id)) return null;
    const parentFd = openParent(this.#kernel, fd);
    if (parentFd === null) return null;
    return withFd(parentFd, (at) => this.#climb(at, ancestors));
  }

  /** Name the namespace behind `fd` and note it and those above it, up to the lab host's own. */
  #climb(
    fd: number,
    ancestors: { id: NamespaceId; owner: NamespaceId | null; parent: NamespaceId | null }[],
  ): NamespaceId | null {
    const id = identifyNamespace(this.#kernel, fd);
    const kind = id === null ? undefined : parseNamespaceId(id)?.kind;
    if (id === null || kind === undefined) return null;
    if (this.#isTop(kind, id) || ancestors.some((one) => one.id === id)) return id;
    const entry = { id, owner: null as NamespaceId | null, parent: null as NamespaceId | null };
    ancestors.push(entry);
    // A user namespace's owner is its parent; a pid namespace has both.
    entry.parent = this.#parentOf(fd, id, ancestors);
    entry.owner = kind === 'user' ? entry.parent : this.#ownerOf(fd, ancestors);
    return id;
  }

  /** The lab host's own namespace or the machine's: nothing above it is looked at. */
  #isTop(kind: NamespaceKind, id: NamespaceId): boolean {
    return this.#lab.namespaces[kind] === id || this.#lab.machine[kind] === id;
  }
}

/**
 * Open a namespace and make sure that it is the one that was meant: a path may lead elsewhere by now.
 *
 * @returns null when it is gone or is another one by now
 */
export function openReference(kernel: Kernel, ref: NamespaceRef, id: NamespaceId): number | null {
  let fd: number;
  try {
    fd =
      ref.kind === 'link'
        ? openSync(ref.path, O.CLOEXEC | O.NONBLOCK | O.NOCTTY)
        : openInRoot(kernel, ref.rootDir, ref.path, O.NONBLOCK | O.NOCTTY);
  } catch (error) {
    if (hasVanished(error)) return null;
    throw error;
  }
  if (identifyNamespace(kernel, fd) === id) return fd;
  closeSync(fd);
  return null;
}

/** The same path in several mount tables, or the same process twice, is one holder; ordered as found, at most HOLDERS. */
function uniqueHolders(holders: readonly NamespaceHolder[]): NamespaceHolder[] {
  const unique = new Map<string, NamespaceHolder>();
  for (const holder of holders) {
    const key = `${holder.how} ${holder.pid ?? ''} ${holder.path ?? ''} ${holder.fd ?? ''}`;
    if (!unique.has(key)) unique.set(key, holder);
    if (unique.size >= HOLDERS) break;
  }
  return [...unique.values()];
}

/** What a namespace is called beside its inode: `host`, `machine`, `container NAME`, the name of a bind mount, `pid N`, or the way in which it is held. */
export function labelOf(namespace: Namespace): string {
  if (namespace.isLabHost) return 'host';
  if (namespace.isMachine) return 'machine';
  const container = namespace.containers?.[0];
  if (container !== undefined) return `container ${container}`;
  const name = namespace.names[0];
  if (name !== undefined) return name;
  const pid = namespace.members[0] ?? namespace.heldBy.find((holder) => holder.pid !== undefined)?.pid;
  return pid === undefined ? `${namespace.kind}:[${namespace.inode}]` : `pid ${pid}`;
}
