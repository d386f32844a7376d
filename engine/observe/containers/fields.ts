import type { Container, ContainerNetwork } from '../../api/types.js';
import { cutText } from '../../kernel/cut-text.js';

/** What a container's record says, and nothing that the kernel could say. */
export interface RecordedContainer {
  /** How often it had been written: of two files the one with more counts. */
  readonly serial: number;
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string | null;
  /** RFC 3339 with nanoseconds: sorts as text. */
  readonly created: string;
  readonly status: string;
  readonly exitCode: number;
  /** Pid of its first process in the lab; 0 for none. */
  readonly pid: number;
  readonly networkMode: string;
}

/** Longest name and reference that are shown. */
const NAME = 255;
const ID = /^[0-9a-f]{64}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
/** moby, daemon/names/names.go */
const CONTAINER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const SHORT = 12;

type Fields = Readonly<Record<string, unknown>>;

/** The value of a JSON text as an object; null when it is something else or no JSON. */
export function parseFields(text: string): Fields | null {
  try {
    return fieldsOf(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function text(value: unknown): string {
  return typeof value === 'string' ? cutText(value, NAME) : '';
}

function count(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
}

export function isId(value: string): boolean {
  return ID.test(value);
}

/** `sha256:…` as a record has it, the hex digits alone; null for anything else. */
export function digestHex(value: unknown): string | null {
  return typeof value === 'string' && DIGEST.test(value) ? value.slice('sha256:'.length) : null;
}

/** A container's record; null when it is not one of this container. A name that Docker would not have given is not used. */
export function containerOf(written: Fields | null, id: string): RecordedContainer | null {
  const fields = fieldsOf(written?.['record']);
  if (fields === null || fields['id'] !== id) return null;
  const state = fieldsOf(fields['state']);
  const name = text(fields['name']);
  const imageId = digestHex(fields['imageId']);
  return {
    serial: count(written?.['serial']),
    id,
    name: CONTAINER_NAME.test(name) ? name : id.slice(0, SHORT),
    image: text(fieldsOf(fields['config'])?.['Image']),
    imageId: imageId === null ? null : `sha256:${imageId}`,
    created: text(fields['created']),
    status: text(state?.['status']),
    exitCode: count(state?.['exitCode']),
    pid: count(state?.['pid']),
    networkMode: text(fieldsOf(fields['hostConfig'])?.['NetworkMode']),
  };
}

/** How the interface that a network is on is called where nobody named it, by driver. */
const UNNAMED: Readonly<Record<string, string>> = { bridge: 'br-', macvlan: 'dm-', ipvlan: 'di-' };

/** The networks of `networks.json`. */
export function networksOf(fields: Fields | null, most: number): ContainerNetwork[] {
  const list: unknown = fields?.['networks'];
  if (!Array.isArray(list)) return [];
  return list.slice(0, most).flatMap((one: unknown): ContainerNetwork[] => {
    const network = fieldsOf(one);
    const id = text(network?.['id']);
    const name = text(network?.['name']);
    if (network === null || name === '' || !isId(id)) return [];
    const driver = text(network['driver']);
    const options = fieldsOf(network['options']);
    const named = text(options?.[driver === 'bridge' ? 'com.docker.network.bridge.name' : 'parent']);
    const unnamed = UNNAMED[driver];
    const bridge = unnamed === undefined ? null : named === '' ? `${unnamed}${id.slice(0, SHORT)}` : named;
    return [{ id, name, driver, bridge }];
  });
}

/** Of a sandbox's record: the container that it was made for; null when it is none. */
export function sandboxOwner(fields: Fields | null): string | null {
  const id = text(fieldsOf(fieldsOf(fields?.['sandbox'])?.['container'])?.['id']);
  return isId(id) ? id : null;
}

/** The states that a container is said to be in when it has no process. */
export function stateWithoutProcess(status: string): Container['state'] {
  if (status === 'created' || status === 'restarting') return status;
  return 'exited';
}
