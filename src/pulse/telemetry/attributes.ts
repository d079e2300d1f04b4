import type { Attributes } from '@opentelemetry/api';
import { PulseError } from '../errors.ts';
import type { PublishResult } from '../publish-result.ts';
import { Verdict } from '../verdict.ts';

/** The broker's address, as far as it is known. */
export interface Server {
  readonly hostname: string;
  readonly port: number;
}

/** The queue of a consumer. */
export interface ConsumedQueue {
  /** The queue's full name. */
  readonly name: string;
  /** Whether the queue is new for each connection. Each of its names would otherwise be a separate time series. */
  readonly ephemeral: boolean;
}

/** The attributes of every span and measurement, named by OpenTelemetry's conventions for messaging and RabbitMQ. */
export function commonAttributes(server: Server | undefined): Attributes {
  return {
    'messaging.system': 'rabbitmq',
    ...(server && { 'server.address': server.hostname, 'server.port': server.port }),
  };
}

/** Returns a queue's name for span names and measurements. There are only few such names. */
export function shownName({ name, ephemeral }: ConsumedQueue): string {
  return ephemeral ? '(temporary)' : name;
}

/** Returns the `error.type` of a message that was not published, or undefined if it was published. */
export function errorTypeOfResult(result: PublishResult): string | undefined {
  if (result.status === 'confirmed') return undefined;
  return result.status === 'refused' ? result.error.kind : result.status;
}

/**
 * Returns the `error.type` of a handler's error or verdict: the kind of a verdict or PulseError, or the name of an
 * error. It is never the error's message, which may contain parts of a body.
 */
export function errorTypeOfThrown(thrown: unknown): string {
  if (thrown instanceof Verdict || thrown instanceof PulseError) return thrown.kind;
  return thrown instanceof Error && thrown.name !== '' ? thrown.name : '_OTHER';
}
