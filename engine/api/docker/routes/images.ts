import { imageHistory } from '../../../image/history.js';
import { parseReference } from '../../../image/reference.js';
import { EngineError } from '../../../kernel/errors.js';
import { parseAuthHeader } from '../bodies/auth.js';
import { bad, present } from '../bodies/fields.js';
import { parseFilters, type Query } from '../bodies/query.js';
import { sendEmpty, sendJson } from '../http/send.js';
import { type Endpoint, endpoint } from '../router.js';
import { imageInspect, imageSummary, sharedSizes } from './image-json.js';

const FILTERS = ['dangling', 'label', 'label!', 'before', 'since', 'reference', 'until'];

/** `repo` and `tag` of a form as one name, checked; '' when no repo is said. */
export function repoTag(query: Query): string {
  const [repo, tag] = [query.text('repo'), query.text('tag')];
  if (repo === '') return '';
  const name = tag === '' ? repo : `${repo}:${tag}`;
  if (parseReference(name).digest !== null) bad('cannot import digest reference');
  return name;
}

export const IMAGES: readonly Endpoint[] = [
  endpoint(
    'ImageList GET /images/json',
    'none',
    ({ query, version }) => ({
      all: query.flag('all'),
      filters: parseFilters(query, FILTERS),
      shared: version.atLeast(42) && query.flag('shared-size'),
    }),
    async ({ all, filters, shared }, { services, response, version }) => {
      const images = await services.images.list({ all, filters });
      const sizes = shared ? await sharedSizes(services.images, images) : new Map<string, number>();
      sendJson(
        response,
        200,
        images.map((image) => imageSummary(image, version, present({ shared: sizes.get(image.id) }))),
      );
    },
  ),
  endpoint(
    'ImageInspect GET /images/{name}/json',
    'none',
    ({ name }) => name,
    async (name, { services, response, version }) => {
      const image = await services.images.get(name);
      sendJson(response, 200, imageInspect(image, await services.images.layersOf(image), version));
    },
  ),
  endpoint(
    'ImageHistory GET /images/{name}/history',
    'none',
    ({ name }) => name,
    async (name, { services: { images }, response }) => {
      const image = await images.get(name);
      const find = async (id: string) => {
        try {
          return await images.get(id);
        } catch (error) {
          if (error instanceof EngineError && error.code === 'NotFound') return null;
          throw error;
        }
      };
      sendJson(response, 200, await imageHistory(image, await images.layersOf(image), find));
    },
  ),
  endpoint(
    'ImageTag POST /images/{name}/tag',
    'none',
    ({ name, query }) => {
      const target = repoTag(query);
      if (target === '') bad('repository name must have at least one component');
      if (/^sha256(:|$)/.test(target)) bad('refusing to create an ambiguous tag using digest algorithm as name');
      return { name, target };
    },
    async ({ name, target }, { services, response }) => {
      await services.images.tag(name, target);
      sendEmpty(response, 201);
    },
  ),
  endpoint(
    'ImageDelete DELETE /images/{name}',
    'none',
    ({ name, query }) => {
      if (name.trim() === '') bad('image name cannot be blank');
      return { name, how: { force: query.flag('force'), noPrune: query.flag('noprune') } };
    },
    async ({ name, how }, { services, response }) => sendJson(response, 200, await services.images.remove(name, how)),
  ),
  endpoint(
    'ImageSearch GET /images/search',
    'none',
    ({ query, headers }) => {
      const limit = query.integer('limit');
      if (limit !== null && limit < 0) bad('invalid limit specified');
      return {
        term: query.text('term'),
        how: present({
          limit: limit ?? undefined,
          filters: parseFilters(query, ['is-automated', 'is-official', 'stars']),
          auth: parseAuthHeader(headers['x-registry-auth']),
        }),
      };
    },
    async ({ term, how }, { services, response }) => sendJson(response, 200, await services.images.search(term, how)),
  ),
  endpoint(
    'ImagePrune POST /images/prune',
    'none',
    ({ query }) => parseFilters(query, ['dangling', 'label', 'label!', 'until']),
    async (filters, { services, response }) => {
      const { deleted, reclaimed } = await services.images.prune(filters);
      sendJson(response, 200, { ImagesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimed });
    },
  ),
  endpoint(
    'DistributionInspect GET /distribution/{name}/json',
    'none',
    ({ name, headers }) => ({ name, auth: parseAuthHeader(headers['x-registry-auth']) }),
    async ({ name, auth }, { services, response }) =>
      sendJson(response, 200, await services.images.distribution(name, auth)),
  ),
];
