import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { ApiCall } from '../../taskcluster/index.ts';
import type { Answer } from './answer.ts';
import { receive, type ApiOptions, type NamedCall, type Visit } from './answer-call.ts';
import type { AnyHandler, DescribedApi, Handlers } from './call.ts';

/** A service that answers calls. */
export interface Service {
  /** Its name in paths: `worker-manager`. */
  readonly name: string;
  readonly calls: readonly NamedCall[];
}

/** Creates a service from the references' descriptions of its calls and from their handlers. */
export function createService<Api extends DescribedApi<Api>>(
  name: string,
  api: { readonly [N in keyof Api]: ApiCall },
  handlers: Handlers<Api>,
): Service {
  const calls = Object.entries(handlers).map(([call, handler]) => ({
    ...api[call as keyof Api],
    name: call,
    // Requests are validated by the references, which also define the parameters of a handler.
    handler: handler as AnyHandler,
  }));
  return { name, calls };
}

/** Adds the calls of a service to a server, as the API's references describe them. */
export function addService(server: FastifyInstance, { name, calls }: Service, options: ApiOptions): void {
  for (const call of calls) addCall(server, `/api/${name}/v1`, call, options);
}

function addCall(server: FastifyInstance, base: string, call: NamedCall, options: ApiOptions): void {
  const { path, wildcard } = pathOf(call.route);
  const visits = new WeakMap<FastifyRequest, Visit>();
  server.route({
    method: call.method,
    url: `${base}${path}`,
    async onRequest(request, reply) {
      const visit = receive(call, paramsOf(request, wildcard), request, options);
      visits.set(request, visit);
      try {
        await visit.admit();
      } catch (error) {
        // The rest of the body will not be read.
        await send(reply.header('connection', 'close'), visit.refusal(error));
      }
    },
    async handler(request, reply) {
      const visit = visits.get(request);
      if (!visit) throw new Error(`${call.name} was answered without a look at its caller`);
      return send(reply, await visit.answer(reply));
    },
  });
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}

/** Returns Fastify's path for a route. A name at the end may contain slashes, plain or as `%2F`. */
function pathOf(route: string): { path: string; wildcard: string | undefined } {
  const wildcard = /<(name|taskQueueId|workerPoolId)>$/.exec(route)?.[1];
  const path = wildcard === undefined ? route : route.replace(`<${wildcard}>`, '*');
  return { path: path.replaceAll(/<([^<>]+)>/g, ':$1'), wildcard };
}

function paramsOf(request: FastifyRequest, wildcard: string | undefined): Record<string, string> {
  const { '*': rest, ...params } = request.params as Record<string, string>;
  return wildcard === undefined ? params : { ...params, [wildcard]: rest ?? '' };
}
