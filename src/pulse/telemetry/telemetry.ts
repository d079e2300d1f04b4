import type { Span, TextMapGetter, Tracer } from '@opentelemetry/api';
import type { PublishResult } from '../publish-result.ts';
import type { Delivery } from '../transport/transport.ts';
import { Verdict } from '../verdict.ts';
import {
  commonAttributes,
  errorTypeOfResult,
  errorTypeOfThrown,
  shownName,
  type ConsumedQueue,
  type Server,
} from './attributes.ts';
import { measuresOf, type PendingWork } from './measures.ts';
import { openTelemetry, type OpenTelemetry } from './opentelemetry.ts';

const NAME = 'tcw/pulse';

/** Reports events of messages to OpenTelemetry. It never reports a body, a header's value or a password. */
export interface Telemetry {
  /** Wraps the sending of a message, and passes it headers that carry the trace context. */
  sending(
    message: { readonly exchange: string; readonly routingKey: string; readonly bytes: number },
    send: (headers?: Readonly<Record<string, string>>) => Promise<PublishResult>,
  ): Promise<PublishResult>;
  /** Reports a message that was refused before it was sent. */
  notSent(exchange: string, result: PublishResult): void;
  /** Wraps a handler call. Returns the handler's result and throws its errors. */
  handling(queue: ConsumedQueue, delivery: Delivery, attempt: number, run: () => unknown): unknown;
  delivered(queue: ConsumedQueue, errorType?: string): void;
  warned(type: string): void;
  /** Lets the SDK read the current state at any time. Returns a function that stops this. */
  observe(underWay: () => PendingWork): () => void;
}

/**
 * Telemetry through the OpenTelemetry API alone. Without a registered SDK it costs next to nothing, because no span
 * and no measurement is created. Metrics need an SDK that is registered now; the SDK for spans is looked up for each
 * message.
 */
export function telemetryOf(server: Server | undefined): Telemetry {
  const common = commonAttributes(server);
  const measures = measuresOf(NAME, common);

  return {
    sending(message, send) {
      const api = openTelemetry();
      const tracer = registeredTracer(api);
      if (!api || (!tracer && !measures)) return send();
      const { SpanKind, context, propagation, trace } = api;
      const { exchange, routingKey, bytes } = message;
      const startedMs = performance.now();
      const span = quietly(() =>
        tracer?.startSpan(`send ${exchange}`, {
          kind: SpanKind.PRODUCER,
          attributes: {
            ...common,
            'messaging.operation.type': 'send',
            'messaging.operation.name': 'send',
            'messaging.destination.name': exchange,
            'messaging.rabbitmq.destination.routing_key': routingKey,
            'messaging.message.body.size': bytes,
          },
        }),
      );
      const headers: Record<string, string> = {};
      quietly(() => {
        if (span) propagation.inject(trace.setSpan(context.active(), span), headers);
      });
      return send(headers).then(result => {
        const errorType = errorTypeOfResult(result);
        quietly(() => {
          end(span, errorType, result.status === 'confirmed' ? undefined : result.error.message);
        });
        quietly(() => measures?.sent(exchange, secondsSince(startedMs), errorType));
        return result;
      });
    },

    notSent(exchange, result) {
      quietly(() => measures?.sent(exchange, 0, errorTypeOfResult(result)));
    },

    handling(queue, delivery, attempt, run) {
      const api = openTelemetry();
      const tracer = registeredTracer(api);
      if (!api || (!tracer && !measures)) return run();
      const { ROOT_CONTEXT, SpanKind, context, propagation, trace } = api;
      const startedMs = performance.now();
      const sent =
        quietly(() => propagation.extract(ROOT_CONTEXT, delivery.headers, HEADERS)) ?? ROOT_CONTEXT;
      const sender = trace.getSpanContext(sent);
      const { exchange, routingKey, messageId, content } = delivery;
      const span = quietly(() =>
        tracer?.startSpan(
          `process ${shownName(queue)}`,
          {
            kind: SpanKind.CONSUMER,
            links: sender ? [{ context: sender }] : [],
            attributes: {
              ...common,
              'messaging.operation.type': 'process',
              'messaging.operation.name': 'process',
              'messaging.destination.name': queue.name,
              ...(queue.ephemeral && { 'messaging.destination.temporary': true }),
              'messaging.destination_publish.name': exchange,
              'messaging.rabbitmq.destination.routing_key': routingKey,
              'messaging.message.body.size': content.byteLength,
              ...(messageId !== undefined && { 'messaging.message.id': messageId }),
              'tcw.pulse.attempt': attempt,
            },
          },
          sent,
        ),
      );
      const done = (errorType?: string) => {
        quietly(() => {
          end(span, errorType);
        });
        quietly(() => measures?.processed(shownName(queue), secondsSince(startedMs), errorType));
      };
      const failed = (thrown: unknown) => {
        done(errorTypeOfThrown(thrown));
      };
      const returned = (value: unknown) => {
        if (value instanceof Verdict) failed(value);
        else done();
      };
      let result: unknown;
      try {
        result = span ? context.with(trace.setSpan(sent, span), run) : run();
      } catch (error) {
        failed(error);
        throw error;
      }
      if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') {
        returned(result);
        return result;
      }
      return (result as PromiseLike<unknown>).then(
        value => {
          returned(value);
          return value;
        },
        (error: unknown) => {
          failed(error);
          throw error;
        },
      );
    },

    delivered: (queue, errorType) => quietly(() => measures?.delivered(shownName(queue), errorType)),
    warned: type => quietly(() => measures?.warned(type)),
    observe: underWay => {
      const stop = quietly(() => measures?.observe(underWay));
      return () => quietly(() => stop?.());
    },
  };
}

/** An SDK's error loses a span or a measurement, but never a message. It goes to the API's own logger. */
function quietly<T>(tell: () => T): T | undefined {
  try {
    return tell();
  } catch (error) {
    openTelemetry()?.diag.error(`${NAME}: telemetry failed`, error);
    return undefined;
  }
}

/** Returns the tracer of an SDK, if one is registered by now. */
function registeredTracer(api: OpenTelemetry | undefined): Tracer | undefined {
  if (!api) return undefined;
  const provider = api.trace.getTracerProvider();
  return provider instanceof api.ProxyTracerProvider
    ? provider.getDelegateTracer(NAME)
    : provider.getTracer(NAME);
}

/** Reads trace context from headers. AMQP headers can have any type; those that carry context are text. */
const HEADERS: TextMapGetter<Readonly<Record<string, unknown>>> = {
  keys: headers => Object.keys(headers),
  get: (headers, key) => {
    const value = headers[key];
    return typeof value === 'string' ? value : undefined;
  },
};

function end(span: Span | undefined, errorType: string | undefined, message?: string): void {
  if (errorType !== undefined) {
    span?.setAttribute('error.type', errorType);
    // 2 is SpanStatusCode.ERROR. The API is loaded only if spans are created.
    span?.setStatus({ code: 2, ...(message !== undefined && { message }) });
  }
  span?.end();
}

function secondsSince(startedMs: number): number {
  return (performance.now() - startedMs) / 1_000;
}
