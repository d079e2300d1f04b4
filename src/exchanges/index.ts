/**
 * The exchanges of Taskcluster's services, with types: make bindings, parse and build routing keys, and check messages.
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

/** Exchanges of the auth service: changes of clients and roles. */
export const authExchanges: Exchanges<AuthMessages, typeof authTable> = exchangesOf('auth', authTable);
/** Exchanges of the github service: events of repositories. */
export const githubExchanges: Exchanges<GithubMessages, typeof githubTable> = exchangesOf(
  'github',
  githubTable,
);
/** Exchanges of the hooks service: changes of hooks. */
export const hooksExchanges: Exchanges<HooksMessages, typeof hooksTable> = exchangesOf('hooks', hooksTable);
/** The exchange of the notify service: messages that somebody asked it to send. */
export const notifyExchanges: Exchanges<NotifyMessages, typeof notifyTable> = exchangesOf(
  'notify',
  notifyTable,
);
/** Exchanges of the queue: what happens to tasks, runs, artifacts and task groups. */
export const queueExchanges: Exchanges<QueueMessages, typeof queueTable> = exchangesOf('queue', queueTable);
/** Exchanges of worker-manager: what happens to worker pools and workers. */
export const workerManagerExchanges: Exchanges<WorkerManagerMessages, typeof workerManagerTable> =
  exchangesOf('worker-manager', workerManagerTable);

/** All exchanges of all services, sorted by service and name. */
export const exchanges: readonly AnyExchange[] = [
  authExchanges,
  githubExchanges,
  hooksExchanges,
  notifyExchanges,
  queueExchanges,
  workerManagerExchanges,
].flatMap(service => Object.values<AnyExchange>(service));

export type { AnyExchange, Exchange, ExchangeReference, Exchanges } from './exchange.ts';
export type * from './generated/auth.ts';
export type * from './generated/github.ts';
export type * from './generated/hooks.ts';
export type * from './generated/notify.ts';
export type * from './generated/queue.ts';
export type * from './generated/worker-manager.ts';
export type { Parts, PartValue, RoutingKey, RoutingKeyPart, SomeParts } from './routing-key.ts';
