import type { Digest } from '../types.js';
import { repositoryScope } from './authorizer.js';
import { RegistryError } from './errors.js';
import { discard, type Reply, resolveUrl } from './http.js';
import { type Repository, refuse } from './repository.js';

/** Where the next part of an upload goes. */
export type UploadLocation = URL;

/**
 * Begin an upload, or have the registry take the blob from another of its repositories instead.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-blobs
 */
export async function startUpload(
  repository: Repository,
  mount: { readonly digest: Digest; readonly from: string } | null,
  signal?: AbortSignal,
): Promise<'mounted' | UploadLocation> {
  const url = repository.url('blobs/uploads/');
  if (mount !== null) {
    url.searchParams.set('mount', mount.digest);
    url.searchParams.set('from', mount.from);
  }
  const scopes = mount === null ? [] : [repositoryScope(mount.from, ['pull'])];
  const reply = await repository.ask({ method: 'POST', url, signal }, scopes);
  if (reply.status === 201 && mount !== null) {
    discard(reply);
    return 'mounted';
  }
  if (reply.status !== 202) await refuse(reply, signal);
  return locationOf(reply);
}

function locationOf(reply: Reply): UploadLocation {
  discard(reply);
  const { location } = reply.headers;
  if (location === undefined) throw new RegistryError('content', 'the registry did not say where an upload goes on');
  return resolveUrl(reply.url, location, reply.method);
}

/** Send a blob: what is small in one request, the rest as a stream and then its digest. */
export async function upload(
  repository: Repository,
  location: UploadLocation,
  blob: { readonly digest: Digest; readonly body: Uint8Array | AsyncIterable<Uint8Array> },
  signal?: AbortSignal,
): Promise<void> {
  const headers = { 'content-type': 'application/octet-stream' };
  const isWhole = blob.body instanceof Uint8Array;
  let next = location;
  if (!isWhole) {
    const reply = await repository.ask({ method: 'PATCH', url: location, headers, body: blob.body, signal });
    if (reply.status < 200 || reply.status >= 300) await refuse(reply, signal);
    next = locationOf(reply);
  }
  const last = new URL(next);
  last.searchParams.set('digest', blob.digest);
  const reply = await repository.ask({
    method: 'PUT',
    url: last,
    headers,
    signal,
    ...(isWhole ? { body: blob.body } : {}),
  });
  if (reply.status < 200 || reply.status >= 300) await refuse(reply, signal);
  discard(reply);
}

/** Tell the registry that nothing more comes. It may not know how to, and forgets uploads by itself. */
export async function cancelUpload(
  repository: Repository,
  location: UploadLocation,
  signal?: AbortSignal,
): Promise<void> {
  try {
    discard(await repository.ask({ method: 'DELETE', url: location, signal }));
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
}
