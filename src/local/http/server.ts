import { fastify, type FastifyInstance } from 'fastify';

import { ApiError } from '../errors.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';

/** The queue takes no more than this in one request. */
const LARGEST_BODY = 10 * 1024 * 1024;
/** Names of artifacts are parts of paths. */
const LONGEST_PARAMETER = 16 * 1024;
/** A request may come slowly, as a large artifact does, but not for ever. Node gives its headers a minute. */
const REQUEST_MS = 10 * 60_000;
/** Hundreds of workers have a few each. */
const MOST_CONNECTIONS = 4_096;

/**
 * The names of this machine itself. A page in a browser can make a name of its own lead to 127.0.0.1 and then read what
 * it asks for there (DNS rebinding); but the browser still says the page's name here. Any port will do, since a proxy
 * may stand before this server.
 */
const OWN_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i;

/** Makes an HTTP server that knows the queue's manners, and no calls yet. */
export function createServer(now: () => string): FastifyInstance {
  const server = fastify({
    bodyLimit: LARGEST_BODY,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
  });
  server.server.maxConnections = MOST_CONNECTIONS;
  server.addHook('onRequest', async (request, reply) => {
    if (OWN_HOST.test(request.headers.host ?? '')) return;
    const { headers, body } = jsonAnswer(
      421,
      {},
      { error: 'This queue is for 127.0.0.1 and localhost only' },
    );
    await reply.code(421).headers(headers).header('connection', 'close').send(body);
  });
  // Bodies stay text here: the call that they are for says what is wrong with them.
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
  // What calls throw is answered where they are. What comes here, Fastify found wrong with the request.
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
