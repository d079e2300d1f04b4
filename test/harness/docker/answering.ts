import { createServer } from 'node:http';
import { listening } from '../listening.ts';

/** A server that gives every call the same answer. @returns its address, as in DOCKER_HOST */
export async function answering(answer: object | string, status = 200): Promise<string> {
  const server = createServer((_request, response) => {
    response.statusCode = status;
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  return `tcp://${await listening(server)}`;
}
