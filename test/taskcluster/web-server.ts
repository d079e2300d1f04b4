import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listening } from '../harness/listening.ts';

/** One request as it arrived. */
export interface Request {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  /** Who called, read from the Hawk header. */
  readonly clientId: string | undefined;
  /** The certificate that came with temporary credentials. */
  readonly certificate: unknown;
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export interface WebServer {
  readonly rootUrl: string;
  readonly requests: Request[];
  /** How many connections were opened. */
  readonly connections: number;
}

/**
 * A web server in the place of a deployment, for what a real one does rarely: it gives the answers in turn, the last one
 * for ever.
 */
export async function webServer(...answers: [Answer, ...Answer[]]): Promise<WebServer> {
  const requests: Request[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const answer = answers[requests.length] ?? answers.at(-1);
      requests.push({ method: request.method ?? '', url: request.url ?? '', body, ...caller(request) });
      answer?.(response, request);
    });
  });
  server.on('connection', () => connections++);
  const host = await listening(server);
  return {
    rootUrl: `http://${host}`,
    requests,
    get connections() {
      return connections;
    },
  };
}

function caller({ headers }: IncomingMessage): Pick<Request, 'clientId' | 'certificate'> {
  const field = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(headers.authorization ?? '')?.[1];
  const extra = field('ext');
  const decoded = extra === undefined ? {} : (JSON.parse(Buffer.from(extra, 'base64').toString()) as object);
  return { clientId: field('id'), certificate: 'certificate' in decoded ? decoded.certificate : undefined };
}

export const json =
  (status: number, body: unknown): Answer =>
  response => {
    response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(body));
  };

export const page =
  (status: number, body: string, type = 'text/html'): Answer =>
  response => {
    response.writeHead(status, { 'content-type': type }).end(body);
  };

/** The queue's way of refusing. */
export const refusal = (status: number, code: string, message: string): Answer =>
  json(status, { code, message: `${message}\n\n---\n\n* method: x\n* errorCode: ${code}`, requestInfo: {} });

/** Closes the connection in the face of the caller. */
export const hangUp: Answer = response => {
  response.socket?.destroy();
};

/** Closes the connection in the middle of an answer. */
export const halved =
  (status: number): Answer =>
  response => {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': '100' });
    response.write('{"status": {', () => response.socket?.destroy());
  };

/** Never answers. */
export const silence: Answer = () => undefined;
