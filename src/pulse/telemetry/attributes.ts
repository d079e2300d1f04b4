import type { Attributes } from '@opentelemetry/api';
import { PulseError } from '../errors.ts';
import type { PublishResult } from '../publish-result.ts';
import { Verdict } from '../verdict.ts';

/** Where the broker is, as far as is known. */
export interface Server {
  readonly hostname: string;
  readonly port: number;
}

/** A queue that is consumed. */
export interface ConsumedQueue {
  /** Its full name. */
  readonly name: string;
  /** New for each connection: a name of its own would be a time series of its own. */
  readonly ephemeral: boolean;
}

/** What every span and measurement says. Names are those of OpenTelemetry's conventions for messaging and RabbitMQ. */
export function commonAttributes(server: Server | undefined): Attributes {
  return {
    'messaging.system': 'rabbitmq',
    ...(server && { 'server.address': server.hostname, 'server.port': server.port }),
  };
}

/** By which name a queue is told in span names and measurements: one of few. */
export function shownName({ name, ephemeral }: ConsumedQueue): string {
  return ephemeral ? '(temporary)' : name;
}

/** The `error.type` of a message that was not published; undefined when it was. */
export function errorTypeOfResult(result: PublishResult): string | undefined {
  if (result.status === 'confirmed') return undefined;
  return result.status === 'refused' ? result.error.kind : result.status;
}

/**
 * The `error.type` of what a handler threw or said: a verdict, a kind, the name of a class. Never its message, which may
 * hold what the message held.
 */
export function errorTypeOfThrown(thrown: unknown): string {
  if (thrown instanceof Verdict || thrown instanceof PulseError) return thrown.kind;
  return thrown instanceof Error && thrown.name !== '' ? thrown.name : '_OTHER';
}
