import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { ArtifactStorage } from './artifact-storage.ts';
import { storageKey, type Bucket, type SignedUrls, type StorageUrl } from './signed-urls.ts';
import type { Clock } from '../clock.ts';

interface StorageOptions {
  readonly storage: ArtifactStorage;
  readonly urls: SignedUrls;
  readonly clock: Clock;
}

/** S3's limit. */
const LARGEST_OBJECT = 5 * 1024 ** 3;

/**
 * A developer may open content that a task wrote. A page of a task is shown, with its scripts, but without an
 * origin, so it has none of the rights of the queue's origin.
 */
const ONLY_CONTENT = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': 'sandbox allow-scripts',
  'access-control-allow-origin': '*',
};

const BUCKETS: readonly Bucket[] = ['public-bucket', 'private-bucket', 'object-bucket'];

/** Adds the object store to which the URLs of artifacts lead. It is not the queue, and answers like S3. */
export function addStorage(server: FastifyInstance, options: StorageOptions): void {
  const { storage, urls, clock } = options;

  const isSigned = (url: StorageUrl, request: FastifyRequest): boolean =>
    urls.check(url, request.query as Record<string, unknown>, clock.now());

  async function put(bucket: Bucket, request: FastifyRequest, reply: FastifyReply) {
    const key = keyOf(request);
    if (!isSigned({ method: 'PUT', bucket, key }, request)) return refuse(reply, 403, 'AccessDenied');
    const { headers } = request;
    if (headers['content-length'] === undefined) return refuse(reply, 411, 'MissingContentLength');
    if (Number(headers['content-length']) > LARGEST_OBJECT) return refuse(reply, 400, 'EntityTooLarge');
    const contentEncoding = headers['content-encoding'];
    const object = await storage.put(storageKey({ bucket, key }), request.raw, {
      contentType: types.get(request) ?? 'binary/octet-stream',
      ...(contentEncoding !== undefined && { contentEncoding }),
    });
    return reply.header('etag', object.etag).send();
  }

  function get(bucket: Bucket, request: FastifyRequest, reply: FastifyReply) {
    const key = keyOf(request);
    if (bucket !== 'public-bucket' && !isSigned({ method: 'GET', bucket, key }, request)) {
      return refuse(reply, 403, 'AccessDenied');
    }
    const found = storage.find(storageKey({ bucket, key }));
    if (!found) return refuse(reply, 404, 'NoSuchKey');
    const { contentType, contentEncoding, contentLength, etag } = found.object;
    return reply
      .headers({
        'content-type': contentType,
        ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
        'content-length': contentLength,
        etag,
        ...ONLY_CONTENT,
      })
      .send(found.open());
  }

  const types = new WeakMap<FastifyRequest, string>();

  void server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    // Uploads are streamed to disk, so no parser must read them first.
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    // Fastify refuses what is not a media type. S3 stores any text.
    scope.addHook('onRequest', (request, _reply, next) => {
      const { 'content-type': type, ...others } = request.raw.headers;
      if (type !== undefined) types.set(request, type);
      request.raw.headers = others;
      next();
    });
    for (const bucket of BUCKETS) {
      scope.put(`/${bucket}/*`, (request, reply) => put(bucket, request, reply));
      scope.get(`/${bucket}/*`, (request, reply) => get(bucket, request, reply));
    }
    done();
  });
}

function keyOf(request: FastifyRequest): string {
  return (request.params as { '*': string })['*'];
}

function refuse(reply: FastifyReply, status: number, code: string): FastifyReply {
  return reply
    .code(status)
    .headers({ 'content-type': 'application/xml', connection: 'close' })
    .send(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`);
}
