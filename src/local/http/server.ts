import { fastify, type FastifyInstance } from 'fastify';

import { ApiError } from '../errors.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';

/** The queue takes no more than this in one request. */
const LARGEST_BODY = 10 * 1024 * 1024;
/** Names of artifacts are parts of paths. */
const LONGEST_PARAMETER = 16 * 1024;

/** Makes an HTTP server that knows the queue's manners, and no calls yet. */
export function createServer(now: () => string): FastifyInstance {
  const server = fastify({
    bodyLimit: LARGEST_BODY,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
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
