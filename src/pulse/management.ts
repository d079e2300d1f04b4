import type { BindingKey } from './binding.ts';
import { PulseError } from './errors.ts';
import { Secret } from './secret.ts';

/** A broker's management plugin. Pulse shows its own to nobody in the open; a RabbitMQ of one's own may. */
export interface ManagementApi {
  /** Where it answers: `https://rabbitmq.example.com:15671`. */
  readonly url: string;
  readonly user: string;
  readonly password: string | Secret;
  /** `/` by default. */
  readonly vhost?: string;
}

const TIMEOUT_MS = 10_000;

/**
 * What a queue is bound to now, as the broker's management API lists it: for `previousBindings`, since AMQP itself lists
 * nothing.
 */
export function managementBindings({ url, user, password, vhost = '/' }: ManagementApi) {
  return async (queue: string): Promise<readonly BindingKey[]> => {
    const path = `api/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(queue)}/bindings`;
    const secret = password instanceof Secret ? password.reveal() : password;
    const response = await fetch(new URL(path, url.endsWith('/') ? url : `${url}/`), {
      headers: { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) {
      throw new PulseError('connection', `the management API answered ${response.status} for ${queue}`);
    }
    const bindings = (await response.json()) as { source: string; routing_key: string }[];
    return bindings.map(({ source, routing_key }) => ({ exchange: source, pattern: routing_key }));
  };
}
