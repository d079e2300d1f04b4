import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until a Docker engine answers.
 *
 * @param host as in DOCKER_HOST: `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`
 * @throws the reason of the signal
 */
export async function engineAnswers(host: string, signal: AbortSignal): Promise<void> {
  while (!(await answers(host, signal))) {
    signal.throwIfAborted();
    await sleep(25);
  }
}

/** Whether a Docker engine answers now. */
export function answers(host: string, signal: AbortSignal): Promise<boolean> {
  const place = host.startsWith('unix://')
    ? { socketPath: host.slice('unix://'.length) }
    : { hostname: new URL(host).hostname, port: new URL(host).port };
  return new Promise(resolve => {
    const call = request({ ...place, path: '/_ping', signal }, answer => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    call.on('error', () => {
      resolve(false);
    });
    call.end();
  });
}
