/**
 * Every exchange of Taskcluster's services, typed: bind to one, read and write its routing keys, check its messages.
 *
 * @module tcw/exchanges
 */
import { exchangesOf, type AnyExchange, type Exchanges } from './exchange.ts';
import authTable, { type AuthMessages } from './generated/auth.ts';
import githubTable, { type GithubMessages } from './generated/github.ts';
import hooksTable, { type HooksMessages } from './generated/hooks.ts';
import notifyTable, { type NotifyMessages } from './generated/notify.ts';
import queueTable, { type QueueMessages } from './generated/queue.ts';
import workerManagerTable, { type WorkerManagerMessages } from './generated/worker-manager.ts';

export const auth: Exchanges<AuthMessages, typeof authTable> = exchangesOf('auth', authTable);
export const github: Exchanges<GithubMessages, typeof githubTable> = exchangesOf('github', githubTable);
export const hooks: Exchanges<HooksMessages, typeof hooksTable> = exchangesOf('hooks', hooksTable);
export const notify: Exchanges<NotifyMessages, typeof notifyTable> = exchangesOf('notify', notifyTable);
export const queue: Exchanges<QueueMessages, typeof queueTable> = exchangesOf('queue', queueTable);
export const workerManager: Exchanges<WorkerManagerMessages, typeof workerManagerTable> = exchangesOf(
  'worker-manager',
  workerManagerTable,
);

/** All exchanges of all services, sorted by service and name. */
export const exchanges: readonly AnyExchange[] = [auth, github, hooks, notify, queue, workerManager].flatMap(
  service => Object.values<AnyExchange>(service),
);

export type { AnyExchange, Exchange, ExchangeReference, Exchanges } from './exchange.ts';
export type * from './generated/auth.ts';
export type * from './generated/github.ts';
export type * from './generated/hooks.ts';
export type * from './generated/notify.ts';
export type * from './generated/queue.ts';
export type * from './generated/worker-manager.ts';
export type { Parts, PartValue, RoutingKey, RoutingKeyPart, SomeParts } from './routing-key.ts';
