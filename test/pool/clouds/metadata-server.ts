import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = string | ((request: IncomingMessage, response: ServerResponse) => void);

export interface MetadataServer extends AsyncDisposable {
  readonly url: string;
  /** Answers by path with query; what is not here is answered with 404. Can be changed at any time. */
  readonly answers: Map<string, Answer>;
  /** What was asked, in order: `GET /path`. */
  readonly asked: string[];
}

/**
 * A metadata service on loopback.
 *
 * @param refusal what is wrong with a request before anything else, as an HTTP status
 */
export async function metadataServer(
  answers: Iterable<[string, Answer]>,
  refusal: (request: IncomingMessage) => number | undefined = () => undefined,
): Promise<MetadataServer> {
  const byPath = new Map(answers);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    asked.push(`${method} ${url}`);
    const status = refusal(request);
    const answer = status === undefined ? byPath.get(url) : undefined;
    if (typeof answer === 'function') answer(request, response);
    else
      response.writeHead(status ?? (answer === undefined ? 404 : 200)).end(answer ?? '<html>not here</html>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers: byPath,
    asked,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
