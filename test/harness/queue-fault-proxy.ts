import { once } from 'node:events';
import {
  Agent,
  createServer,
  request,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { callOf, type CallName } from './queue-call.ts';

/** An injected fault. */
export type QueueFault =
  /** The call is answered with this status, as by the queue or by a load balancer, and never reaches the queue. */
  | { readonly kind: 'status'; readonly status: number; readonly as?: 'queue' | 'balancer' }
  /** The call reaches the queue with this delay. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The call hangs before it reaches the queue, and continues when the rule is lifted. */
  | { readonly kind: 'freeze' }
  /** The connection is cut before the call reaches the queue. */
  | { readonly kind: 'cut' }
  /** The queue executes the call, and the connection is cut instead of an answer. */
  | { readonly kind: 'lose-answer' }
  /** The queue executes the call, and the connection is cut in the middle of the answer's body. */
  | { readonly kind: 'halve-answer' };

/** A rule that injects a fault into some calls. */
export interface FaultRule {
  /** How many calls the rule has applied to. */
  readonly met: number;
  /** Settles when the rule has applied to its first call. */
  readonly first: Promise<void>;
  lift(): void;
}

/** An HTTP proxy between workers and an embedded queue. Calls to which no rule applies pass unchanged. */
export interface QueueFaultProxy {
  /**
   * Replaces the queue's root URL. Hawk signs host and port as the caller sees them, and the queue checks the same
   * ones.
   */
  readonly rootUrl: string;
  /** All calls in the order of their arrival, including those with faults. */
  readonly calls: readonly CallName[];
  /** Settles when every call that was forwarded to the queue is over. */
  answered(): Promise<void>;
  /**
   * Injects a fault into calls. The latest rule has precedence.
   *
   * @param which default: every call
   * @param times the number of calls; default: all
   */
  fault(which: CallName | readonly CallName[] | undefined, fault: QueueFault, times?: number): FaultRule;
  /** Makes the queue unreachable. Open calls are cut on both sides, and so is each new call. */
  down(): void;
  up(): void;
  close(): Promise<void>;
}

interface Rule {
  readonly fits: (call: CallName) => boolean;
  readonly fault: QueueFault;
  readonly lifted: Promise<void>;
  /** Counts one more call. False if the rule has already applied to all its calls. */
  meet(): boolean;
}

/** @param queueUrl the root URL of the embedded queue */
export async function queueFaultProxy(queueUrl: string): Promise<QueueFaultProxy> {
  const { hostname, port } = new URL(queueUrl);
  const agent = new Agent({ keepAlive: true });
  const rules: Rule[] = [];
  const calls: CallName[] = [];
  const open = new Set<ClientRequest>();
  let away = false;
  let rootUrl = '';

  /** Forwards the request. The body of the returned answer has not been read. */
  const forward = async (incoming: IncomingMessage, answer: ServerResponse): Promise<IncomingMessage> => {
    const { method, url, headers } = incoming;
    const upstream = request({ hostname, port, agent, method, path: url, headers });
    open.add(upstream);
    upstream.on('close', () => open.delete(upstream));
    incoming.on('error', () => upstream.destroy());
    answer.on('close', () => {
      if (!answer.writableFinished) upstream.destroy();
    });
    incoming.pipe(upstream);
    const [response] = (await once(upstream, 'response')) as [IncomingMessage];
    return response;
  };

  const pass = async (call: CallName, incoming: IncomingMessage, answer: ServerResponse) => {
    const response = await forward(incoming, answer);
    if (call !== 'createArtifact') {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.on('error', () => answer.destroy()).pipe(answer);
      return;
    }
    // Upload URLs for artifacts must lead through this proxy, too.
    const body = (await text(response)).replaceAll(queueUrl, rootUrl);
    const headers = { ...response.headers, 'content-length': Buffer.byteLength(body) };
    answer.writeHead(response.statusCode ?? 502, headers).end(body);
  };

  const spoil = async (
    { fault, lifted }: Rule,
    call: CallName,
    incoming: IncomingMessage,
    answer: ServerResponse,
  ) => {
    switch (fault.kind) {
      case 'status':
        incoming.resume();
        refuse(fault, call, answer);
        return;
      case 'delay':
        await new Promise(resolve => setTimeout(resolve, fault.ms));
        return answer.destroyed ? undefined : pass(call, incoming, answer);
      case 'freeze':
        await lifted;
        return answer.destroyed ? undefined : pass(call, incoming, answer);
      case 'cut':
        answer.destroy();
        return;
      case 'lose-answer':
        await text(await forward(incoming, answer));
        answer.destroy();
        return;
      case 'halve-answer': {
        const response = await forward(incoming, answer);
        const body = await text(response);
        const headers = { ...response.headers, 'content-length': Buffer.byteLength(body) };
        answer.writeHead(response.statusCode ?? 502, headers);
        answer.write(body.slice(0, Math.floor(body.length / 2)), () => answer.destroy());
      }
    }
  };

  const server = createServer((incoming, answer) => {
    const call = callOf(incoming.method ?? '', incoming.url ?? '');
    calls.push(call);
    if (away) {
      answer.destroy();
      return;
    }
    const rule = rules.findLast(rule => rule.fits(call) && rule.meet());
    const work = rule ? spoil(rule, call, incoming, answer) : pass(call, incoming, answer);
    work.catch(() => answer.destroy());
  });
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rootUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    rootUrl,
    calls,
    answered: async () => {
      while (open.size > 0) await Promise.all([...open].map(call => once(call, 'close')));
    },
    fault: (which, fault, times = Infinity) => {
      const names = typeof which === 'string' ? [which] : which;
      const { promise: first, resolve: metOne } = Promise.withResolvers<void>();
      const { promise: lifted, resolve: lift } = Promise.withResolvers<void>();
      let met = 0;
      const rule: Rule = {
        fault,
        lifted,
        fits: call => names?.includes(call) ?? true,
        meet: () => {
          if (met >= times) return false;
          met++;
          metOne();
          return true;
        },
      };
      rules.push(rule);
      return {
        get met() {
          return met;
        },
        first,
        lift: () => {
          rules.splice(rules.indexOf(rule), rules.includes(rule) ? 1 : 0);
          lift();
        },
      };
    },
    down: () => {
      away = true;
      for (const upstream of open) upstream.destroy();
      server.closeAllConnections();
    },
    up: () => {
      away = false;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const upstream of open) upstream.destroy();
      agent.destroy();
      await closed;
    },
  };
}

const CODES: Readonly<Record<number, string>> = {
  401: 'AuthenticationFailed',
  403: 'InsufficientScopes',
  404: 'ResourceNotFound',
  409: 'RequestConflict',
  429: 'TooManyRequests',
  500: 'InternalServerError',
};

function refuse(
  { status, as = 'queue' }: { status: number; as?: 'queue' | 'balancer' },
  call: CallName,
  answer: ServerResponse,
): void {
  if (as === 'balancer') {
    const page = `<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>`;
    answer.writeHead(status, { 'content-type': 'text/html' }).end(page);
    return;
  }
  const message = `This is a fault of a test.\n\n---\n\n* method:     ${call}\n* statusCode: ${status}`;
  answer
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify({ code: CODES[status] ?? 'InternalServerError', message, requestInfo: {} }));
}
