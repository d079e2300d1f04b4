import { fastify, type FastifyInstance } from 'fastify';

import { ApiError } from '../errors.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';

/** The queue's limit for a request. */
const LARGEST_BODY = 10 * 1024 * 1024;
/** Names of artifacts are parts of paths. */
const LONGEST_PARAMETER = 16 * 1024;
/** A large artifact may arrive slowly, but not for ever. Node gives the headers one minute. */
const REQUEST_MS = 10 * 60_000;
/** Hundreds of workers have a few connections each. */
const MAX_CONNECTIONS = 4_096;

/**
 * The names of this machine. A web page can make a name of its own resolve to 127.0.0.1, and then read answers
 * from there (DNS rebinding), but the browser still sends the page's host name here. Any port is accepted,
 * because a proxy may be in front of this server.
 */
const OWN_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i;

/** Creates an HTTP server with the queue's conventions, without any calls. */
export function createServer(now: () => string): FastifyInstance {
  const server = fastify({
    bodyLimit: LARGEST_BODY,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  server.addHook('onRequest', async (request, reply) => {
    if (OWN_HOST.test(request.headers.host ?? '')) return;
    const { headers, body } = jsonAnswer(
      421,
      {},
      { error: 'This queue is for 127.0.0.1 and localhost only' },
    );
    await reply.code(421).headers(headers).header('connection', 'close').send(body);
  });
  // Bodies stay text here. The call reports problems with them.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) =>
    done(null, text),
  );
  server.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(null);
  });
  server.setNotFoundHandler((_request, reply) => {
    const { status, headers, body } = jsonAnswer(404, {}, { error: 'Not found' });
    return reply.code(status).headers(headers).send(body);
  });
  // Errors of calls are answered by the calls. Only Fastify's own errors about a request arrive here.
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const refusal =
      error.statusCode === 413
        ? new ApiError('InputTooLarge', 'The payload is larger than 10 MiB')
        : new ApiError('MalformedPayload', error.message);
    const { status, headers, body } = errorAnswer(
      refusal,
      { method: 'unknown', params: {}, payload: {} },
      now(),
    );
    return reply.code(status).headers(headers).send(body);
  });
  return server;
}
