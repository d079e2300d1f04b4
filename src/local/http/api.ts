import type { FastifyInstance, FastifyRequest } from 'fastify';

import { queueApi, type QueueApi } from '../../queue/index.ts';
import { answerCall, type ApiOptions, type NamedCall } from './answer-call.ts';
import type { AnyHandler, Handlers } from './call.ts';

/** Every call of the queue's API is below this path. */
const BASE = '/api/queue/v1';

/** Adds calls to a server, each as the API's references describe it. */
export function addCalls(server: FastifyInstance, handlers: Handlers, options: ApiOptions): void {
  for (const [name, handler] of Object.entries(handlers)) {
    // The references say what a handler is called with, and requests are checked by them.
    const call = { ...queueApi[name as keyof QueueApi], name, handler: handler as AnyHandler };
    addCall(server, call, options);
  }
}

function addCall(server: FastifyInstance, call: NamedCall, options: ApiOptions): void {
  const { path, wildcard } = pathOf(call.route);
  server.route({
    method: call.method,
    url: `${BASE}${path}`,
    handler: async (request, reply) => {
      const params = paramsOf(request, wildcard);
      const { status, headers, body } = await answerCall(call, params, request, reply, options);
      return reply.code(status).headers(headers).send(body);
    },
  });
}

/** Fastify's path for a route. A name at the end may have slashes in it, written as such or as `%2F`. */
function pathOf(route: string): { path: string; wildcard: string | undefined } {
  const wildcard = /<(name|taskQueueId)>$/.exec(route)?.[1];
  const path = wildcard === undefined ? route : route.replace(`<${wildcard}>`, '*');
  return { path: path.replaceAll(/<([^<>]+)>/g, ':$1'), wildcard };
}

function paramsOf(request: FastifyRequest, wildcard: string | undefined): Record<string, string> {
  const { '*': rest, ...params } = request.params as Record<string, string>;
  return wildcard === undefined ? params : { ...params, [wildcard]: rest ?? '' };
}
