import { workerManagerExchanges } from '../../exchanges/index.ts';
import type { Message } from '../message.ts';
import { isoTime } from '../times.ts';
import type { ManagedWorker } from './worker-pools.ts';

/** An error that a worker reported about itself. */
export interface WorkerError {
  readonly errorId: string;
  readonly workerPoolId: string;
  readonly reported: string;
  readonly kind: string;
  readonly title: string;
  readonly description: string;
  readonly extra: Record<string, unknown>;
}

/** In the real service, this routing key is empty. */
export function workerPoolCreated(workerPoolId: string, providerId: string): Message {
  const { exchange, build } = workerManagerExchanges.workerPoolCreated;
  return { exchange, routingKey: build({}), routes: [], body: { workerPoolId, providerId } };
}

export function workerPoolUpdated(
  workerPoolId: string,
  providerId: string,
  previousProviderId: string,
): Message {
  const { exchange, build } = workerManagerExchanges.workerPoolUpdated;
  const body = { workerPoolId, providerId, previousProviderId };
  return { exchange, routingKey: build({}), routes: [], body };
}

/** What the life of a worker announces: `workerRemoved` also says why. */
export function workerMessage(
  kind: 'workerRequested' | 'workerRunning' | 'workerStopped' | 'workerRemoved',
  { workerPoolId, providerId, workerGroup, workerId, capacity }: ManagedWorker,
  now: number,
): Message {
  const { exchange, build } = workerManagerExchanges[kind];
  const [provisionerId = '', workerType = ''] = workerPoolId.split('/');
  const reason = kind === 'workerRemoved' ? { reason: 'workerManager.removeWorker' } : {};
  return {
    exchange,
    routingKey: build({ providerId, provisionerId, workerType, workerGroup, workerId }),
    routes: [],
    body: { workerPoolId, providerId, workerId, workerGroup, capacity, timestamp: isoTime(now), ...reason },
  };
}

export function workerPoolError(
  { errorId, workerPoolId, reported, kind, title }: WorkerError,
  providerId: string,
  worker: { readonly workerGroup: string; readonly workerId: string },
): Message {
  const { exchange, build } = workerManagerExchanges.workerPoolError;
  const [provisionerId = '', workerType = ''] = workerPoolId.split('/');
  return {
    exchange,
    routingKey: build({ providerId, provisionerId, workerType, ...worker }),
    routes: [],
    body: { workerPoolId, providerId, errorId, kind, title, timestamp: reported, ...worker },
  };
}
