import { isDeepStrictEqual } from 'node:util';
import { PulseError } from '../errors.ts';
import { matchesPattern } from '../routing-key.ts';
import type { QueueOptions } from '../transport.ts';
import { MemoryQueue, type MemoryConsumer, type StoredMessage } from './queue.ts';

/**
 * A broker inside this process: topic exchanges, queues, and Pulse's permissions, answering as RabbitMQ does.
 * For `tcw dev`, and for tests. It keeps nothing and speaks no network.
 */
export class MemoryBroker {
  readonly #exchanges = new Set<string>();
  readonly #queues = new Map<string, MemoryQueue>();
  readonly #connections = new Set<() => Promise<void>>();
  readonly #passwords: Readonly<Record<string, string>> | undefined;

  /** @param passwords of each user; without them everybody may log in */
  constructor(passwords?: Readonly<Record<string, string>>) {
    this.#passwords = passwords;
  }

  login(user: string, password: string): void {
    if (this.#passwords && this.#passwords[user] !== password) {
      throw new PulseError('credentials', 'the in-memory broker refused the user or the password');
    }
  }

  declareExchange(user: string, name: string): void {
    this.#allow(user, name, 'configure');
    this.#exchanges.add(name);
  }

  declareQueue(user: string, name: string, options: QueueOptions, connection: object): void {
    this.#allow(user, name, 'configure');
    const existing = this.#find(name);
    if (!existing) {
      this.#queues.set(name, new MemoryQueue(name, options, options.exclusive ? connection : undefined));
      return;
    }
    this.#checkOwner(existing, connection);
    if (!isDeepStrictEqual({ ...existing.options }, { ...options })) {
      throw new PulseError('mismatch', `queue '${name}' exists with other arguments (406)`);
    }
    existing.declaredAgain();
  }

  bindQueue(user: string, name: string, exchange: string, pattern: string, connection: object): void {
    this.#allow(user, name, 'write');
    this.#allow(user, exchange, 'read');
    this.#checkExchange(exchange);
    const queue = this.queue(name);
    this.#checkOwner(queue, connection);
    const same = queue.bindings.some(b => b.exchange === exchange && b.pattern === pattern);
    if (!same) queue.bindings.push({ exchange, pattern });
  }

  /** The queue, for a consumer of this connection. */
  readableQueue(user: string, name: string, connection: object): MemoryQueue {
    this.#allow(user, name, 'read');
    const queue = this.queue(name);
    this.#checkOwner(queue, connection);
    return queue;
  }

  queue(name: string): MemoryQueue {
    const queue = this.#find(name);
    if (!queue) throw new PulseError('not-found', `no queue '${name}' (404)`);
    return queue;
  }

  publish(user: string, message: StoredMessage, routes: readonly string[]): void {
    this.#allow(user, message.exchange, 'write');
    this.#checkExchange(message.exchange);
    const keys = [message.routingKey, ...routes];
    for (const name of this.#queues.keys()) {
      const queue = this.#find(name);
      const wanted = queue?.bindings.some(
        ({ exchange, pattern }) =>
          exchange === message.exchange && keys.some(key => matchesPattern(pattern, key)),
      );
      if (wanted) queue?.push(message);
    }
  }

  /** An auto-delete queue goes with its last consumer. */
  removeConsumer(queue: MemoryQueue, consumer: MemoryConsumer): void {
    queue.removeConsumer(consumer);
    if (queue.options.autoDelete && queue.consumers.length === 0) this.deleteQueue(queue.name);
  }

  deleteQueue(name: string): void {
    const queue = this.#queues.get(name);
    this.#queues.delete(name);
    for (const consumer of queue?.consumers ?? []) consumer.cancelled();
  }

  /** Cuts every connection, as a restart or a broken network would. Their clients connect again. */
  async dropConnections(): Promise<void> {
    await Promise.all([...this.#connections].map(close => close()));
  }

  /** Remembers how to cut a connection, until it is closed. */
  onDrop(closed: Promise<unknown>, close: () => Promise<void>): void {
    this.#connections.add(close);
    void closed.then(() => this.#connections.delete(close));
  }

  /** What goes with a connection: its exclusive queues. */
  releaseConnection(connection: object): void {
    for (const queue of this.#queues.values()) {
      if (queue.owner === connection) this.#queues.delete(queue.name);
    }
  }

  /** The queue, unless it has expired: which is only looked at when it would make a difference. */
  #find(name: string): MemoryQueue | undefined {
    const queue = this.#queues.get(name);
    if (!queue?.expired) return queue;
    this.#queues.delete(name);
    return undefined;
  }

  #allow(user: string, name: string, what: 'configure' | 'write' | 'read'): void {
    const own = name.startsWith(`queue/${user}/`) || name.startsWith(`exchange/${user}/`);
    const readable = what === 'read' && name.startsWith('exchange/');
    if (own || readable) return;
    const kind = name.startsWith('queue/') ? 'queue' : 'exchange';
    throw new PulseError('forbidden', `${what} access to ${kind} '${name}' refused for user '${user}' (403)`);
  }

  #checkExchange(name: string): void {
    if (!this.#exchanges.has(name)) throw new PulseError('not-found', `no exchange '${name}' (404)`);
  }

  #checkOwner(queue: MemoryQueue, connection: object): void {
    if (queue.owner && queue.owner !== connection) {
      throw new PulseError('locked', `queue '${queue.name}' is exclusive to another connection (405)`);
    }
  }
}
