import { isDeepStrictEqual } from 'node:util';
import { advice, PulseError, type PulseErrorKind } from '../../errors.ts';
import { matchesPattern } from '../routing-key.ts';
import type { Confirmation, QueueOptions } from '../transport.ts';
import { MemoryFaults, type MemoryCall } from './faults.ts';
import { MemoryQueue, type DeathReason, type MemoryConsumer, type StoredMessage } from './queue.ts';

/**
 * An in-memory broker with topic exchanges, queues and Pulse's permissions, which answers like RabbitMQ. It is for
 * `tcw dev` and for tests. It has no network interface and stores nothing on disk.
 */
export class MemoryBroker {
  /** @internal The injected faults between this broker and its clients. */
  readonly faults = new MemoryFaults();
  readonly #exchanges = new Set<string>();
  readonly #queues = new Map<string, MemoryQueue>();
  readonly #connections = new Map<() => Promise<void>, string>();
  #passwords: Readonly<Record<string, string>> | undefined;

  /** @param passwords the password of each user. Without it, any login is accepted. */
  constructor(passwords?: Readonly<Record<string, string>>) {
    this.#passwords = passwords;
  }

  /** @internal */
  login(user: string, password: string): void {
    if (this.#passwords && this.#passwords[user] !== password) {
      throw new PulseError('credentials', 'the in-memory broker refused the user or the password');
    }
  }

  /**
   * Declares an exchange on behalf of its owner, for example of a service whose messages the program under test
   * consumes.
   *
   * @throws PulseError `forbidden` if its name does not begin with `exchange/<user>/`
   */
  declareExchange(user: string, name: string): void {
    this.#allow(user, name, 'configure');
    this.#exchanges.add(name);
  }

  /** @internal */
  declareQueue(user: string, name: string, options: QueueOptions, connection: object): void {
    this.#allow(user, name, 'configure');
    const existing = this.#find(name);
    if (!existing) {
      const owner = options.exclusive ? connection : undefined;
      const onDeath = (message: StoredMessage, reason: DeathReason) => {
        this.#deadLetter(name, options, message, reason);
      };
      this.#queues.set(name, new MemoryQueue(name, options, owner, onDeath));
      return;
    }
    this.#checkOwner(existing, connection);
    if (!isDeepStrictEqual({ ...existing.options }, { ...options })) {
      throw refusal('mismatch', `queue '${name}' exists with other arguments (406)`);
    }
    existing.declaredAgain();
  }

  /** @internal */
  bindQueue(user: string, name: string, exchange: string, pattern: string, connection: object): void {
    const queue = this.#bindable(user, name, exchange, connection);
    const same = queue.bindings.some(b => b.exchange === exchange && b.pattern === pattern);
    if (!same) queue.bindings.push({ exchange, pattern });
  }

  /** @internal */
  unbindQueue(user: string, name: string, exchange: string, pattern: string, connection: object): void {
    const { bindings } = this.#bindable(user, name, exchange, connection);
    const index = bindings.findIndex(b => b.exchange === exchange && b.pattern === pattern);
    if (index >= 0) bindings.splice(index, 1);
  }

  /** @internal Returns the queue for reading over this connection. */
  readableQueue(user: string, name: string, connection: object): MemoryQueue {
    this.#allow(user, name, 'read');
    const queue = this.queue(name);
    this.#checkOwner(queue, connection);
    return queue;
  }

  /** @internal Returns the queue for deletion over this connection. */
  deletableQueue(user: string, name: string, connection: object): MemoryQueue | undefined {
    this.#allow(user, name, 'configure');
    const queue = this.#find(name);
    if (queue) this.#checkOwner(queue, connection);
    return queue;
  }

  /**
   * @internal
   * @throws PulseError `not-found`
   */
  queue(name: string): MemoryQueue {
    const queue = this.#find(name);
    if (!queue) throw refusal('not-found', `no queue '${name}' (404)`);
    return queue;
  }

  /** @internal */
  publish(user: string, message: StoredMessage, routes: readonly string[], mandatory = false): Confirmation {
    this.#allow(user, message.exchange, 'write');
    this.#checkExchange(message.exchange);
    const queues = this.#wanting(message, routes);
    if (queues.length === 0 && mandatory) return { type: 'returned', reason: 'NO_ROUTE' };
    // A queue that refuses the message does not keep it from the other queues.
    const taking = queues.filter(queue => !queue.full);
    for (const queue of taking) queue.push(message);
    return { type: taking.length < queues.length ? 'nacked' : 'confirmed' };
  }

  /** @internal Removes a consumer. An auto-delete queue is deleted with its last consumer. */
  removeConsumer(queue: MemoryQueue, consumer: MemoryConsumer): void {
    queue.removeConsumer(consumer);
    if (queue.options.autoDelete && queue.consumers.length === 0) this.deleteQueue(queue.name);
  }

  /** Deletes a queue, as PulseGuardian does with a queue that is too long. Its consumers are cancelled. */
  deleteQueue(name: string): void {
    const queue = this.#queues.get(name);
    this.#queues.delete(name);
    for (const consumer of queue?.consumers ?? []) consumer.cancelled();
  }

  /** Cancels the consumers of a queue from the broker's side. The queue stays. */
  killConsumers(name: string): void {
    for (const consumer of [...this.queue(name).consumers]) {
      this.queue(name).removeConsumer(consumer);
      consumer.cancelled();
    }
  }

  /** Closes all connections, or those of one user, like a restart or a network failure. The clients reconnect. */
  async dropConnections(user?: string): Promise<void> {
    const cut = [...this.#connections].filter(([, owner]) => user === undefined || owner === user);
    await Promise.all(cut.map(([close]) => close()));
  }

  /** Changes a user's password, as Pulse does. Pulse deletes the user and creates it again, so its connections end. */
  async changePassword(user: string, password: string): Promise<void> {
    this.#passwords = { ...this.#passwords, [user]: password };
    await this.dropConnections(user);
  }

  /** Holds everything in both directions without any error until {@link thaw}, like a silent network. */
  freeze(): void {
    this.faults.freeze();
  }

  /** Delivers everything that was held since {@link freeze}, in order. */
  thaw(): void {
    this.faults.thaw();
  }

  /** Delays all answers and messages to the clients by this time, in ms. 0: no delay. */
  delay(ms: number): void {
    this.faults.delay(ms);
  }

  /** Raises an alarm: the broker accepts no messages until {@link unblockPublishers}. Consuming continues. */
  blockPublishers(reason = 'low on memory'): void {
    this.faults.block(reason);
  }

  /** Clears the alarm. The broker then accepts the messages that were published meanwhile. */
  unblockPublishers(): void {
    this.faults.unblock();
  }

  /** Refuses the next calls of a kind from any client, and closes their channels. */
  refuse(call: MemoryCall, error: PulseError, times = 1): void {
    this.faults.refuse(call, error, times);
  }

  /** @internal Registers a function that drops a connection, until the connection is closed. */
  onDrop(user: string, closed: Promise<unknown>, close: () => Promise<void>): void {
    this.#connections.set(close, user);
    void closed.then(() => this.#connections.delete(close));
  }

  /** @internal Deletes the exclusive queues of a closed connection. */
  releaseConnection(connection: object): void {
    for (const queue of this.#queues.values()) {
      if (queue.owner === connection) this.#queues.delete(queue.name);
    }
  }

  #wanting({ exchange, routingKey }: StoredMessage, routes: readonly string[]): MemoryQueue[] {
    const keys = [routingKey, ...routes];
    return [...this.#queues.keys()].flatMap(name => {
      const queue = this.#find(name);
      const wanted = queue?.bindings.some(
        bound => bound.exchange === exchange && keys.some(key => matchesPattern(bound.pattern, key)),
      );
      return queue && wanted ? [queue] : [];
    });
  }

  #deadLetter(
    name: string,
    { deadLetterExchange }: QueueOptions,
    message: StoredMessage,
    reason: string,
  ): void {
    if (deadLetterExchange === undefined) return;
    const { exchange, routingKey, headers } = message;
    const routes = Array.isArray(headers.CC) ? (headers.CC as string[]) : [];
    const death = { queue: name, reason, exchange, 'routing-keys': [routingKey, ...routes], count: 1 };
    const before = Array.isArray(headers['x-death']) ? (headers['x-death'] as unknown[]) : [];
    const dead = {
      ...message,
      exchange: deadLetterExchange,
      headers: {
        ...headers,
        'x-first-death-exchange': exchange,
        'x-first-death-queue': name,
        'x-first-death-reason': reason,
        'x-death': [death, ...before],
      },
    };
    for (const queue of this.#wanting(dead, routes)) queue.push(dead);
  }

  #bindable(user: string, name: string, exchange: string, connection: object): MemoryQueue {
    this.#allow(user, name, 'write');
    this.#allow(user, exchange, 'read');
    this.#checkExchange(exchange);
    const queue = this.queue(name);
    this.#checkOwner(queue, connection);
    return queue;
  }

  /** Returns the queue unless it has expired. Expiry is checked only here, when it makes a difference. */
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
    throw refusal('forbidden', `${what} access to ${kind} '${name}' refused for user '${user}' (403)`);
  }

  #checkExchange(name: string): void {
    if (!this.#exchanges.has(name)) throw refusal('not-found', `no exchange '${name}' (404)`);
  }

  #checkOwner(queue: MemoryQueue, connection: object): void {
    if (queue.owner && queue.owner !== connection) {
      throw refusal('locked', `queue '${queue.name}' is exclusive to another connection (405)`);
    }
  }
}

function refusal(kind: PulseErrorKind, what: string): PulseError {
  return new PulseError(kind, what + advice(kind, what));
}
