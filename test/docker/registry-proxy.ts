import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of a request. */
export type Treatment =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body: object;
      readonly headers?: Record<string, string>;
    }
  /** The connection ends after so many bytes of the answer's body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** No more than so many bytes of the answer's body come, and it does not end. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  | { readonly kind: 'change'; readonly change: (body: Buffer) => Buffer };

/** What is between an engine and a registry. */
export interface RegistryProxy extends AsyncDisposable {
  /** `127.0.0.1:1234` */
  readonly host: string;
  /** What was asked for: `GET /v2/a/manifests/1`. */
  readonly requests: string[];
  /** Asked about each request; undefined for one that is to pass. */
  treat: (request: string) => Treatment | undefined;
}

export async function registryProxy(registry: string): Promise<RegistryProxy> {
  const server = createServer((asked, answer) => {
    const name = `${asked.method ?? ''} ${asked.url ?? ''}`;
    proxy.requests.push(name);
    const treatment = proxy.treat(name);
    if (treatment?.kind === 'status') {
      answer.writeHead(treatment.status, { 'content-type': 'application/json', ...treatment.headers });
      answer.end(JSON.stringify(treatment.body));
      return;
    }
    pass(registry, asked, answer, treatment).catch(() => answer.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: RegistryProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    treat: () => undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
  return proxy;
}

async function pass(
  registry: string,
  asked: IncomingMessage,
  answer: ServerResponse,
  treatment: Exclude<Treatment, { kind: 'status' }> | undefined,
): Promise<void> {
  const { method, url, headers } = asked;
  const behind = request(`http://${registry}${url ?? ''}`, {
    method,
    headers: { ...headers, host: registry },
  });
  asked.pipe(behind);
  const [from] = (await once(behind, 'response')) as [IncomingMessage];
  const body = Buffer.concat(await from.toArray());
  const sent = treatment?.kind === 'change' ? treatment.change(body) : body;
  answer.writeHead(from.statusCode ?? 502, {
    ...from.headers,
    ...(treatment?.kind === 'change' && { 'content-length': sent.length }),
  });
  if (treatment === undefined || treatment.kind === 'change') {
    answer.end(sent);
    return;
  }
  answer.write(sent.subarray(0, treatment.afterBytes));
  if (treatment.kind === 'cut') setTimeout(() => answer.destroy(), 50);
}
