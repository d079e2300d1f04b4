import type { Consuming } from './contenders/contender.ts';

export const CONTENDERS = ['tcw', 'amqplib', 'rabbitmq-client', 'amqp-connection-manager', 'rascal'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

/** What a contender's process is to do, as JSON in its variable `BENCH_JOB`. */
export type Job = { readonly contender: ContenderName; readonly url: string } & (
  | ({ readonly type: 'consume'; readonly messages: number } & Pick<
      Consuming,
      'queue' | 'prefetch' | 'validate'
    >)
  /** Bodies that hold the time at which they were sent. */
  | ({ readonly type: 'listen'; readonly messages: number } & Pick<Consuming, 'queue' | 'prefetch'>)
  | {
      readonly type: 'publish';
      readonly messages: number;
      readonly exchange: string;
      readonly inFlight: number;
    }
  /** With `handle` of tcw, whatever the contender. */
  | {
      readonly type: 'handle';
      readonly messages: number;
      readonly queue: Consuming['queue'];
      readonly handlerMs: number;
      readonly concurrency: number;
    }
);

/** What it tells: that it listens, then the result. */
export type JobMessage =
  | 'listening'
  | {
      readonly wallMs: number;
      readonly cpuMs: number;
      readonly waitsMs: readonly number[];
      /** How much the heap grew from before the connection to its largest; of `handle` only. */
      readonly heapGrowthMb?: number;
    };
