import type { Consuming } from './contenders/contender.ts';

export const CONTENDERS = ['tcw', 'amqplib', 'rabbitmq-client', 'amqp-connection-manager', 'rascal'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

/** The job of a contender's process, as JSON in its variable `BENCH_JOB`. */
export type Job = { readonly contender: ContenderName; readonly url: string } & (
  | ({ readonly type: 'consume'; readonly messages: number } & Pick<
      Consuming,
      'queue' | 'prefetch' | 'validate'
    >)
  /** The bodies contain the time at which they were sent. */
  | ({ readonly type: 'listen'; readonly messages: number } & Pick<Consuming, 'queue' | 'prefetch'>)
  | {
      readonly type: 'publish';
      readonly messages: number;
      readonly exchange: string;
      readonly inFlight: number;
    }
  /** Uses `handle` of tcw, whatever the contender. */
  | {
      readonly type: 'handle';
      readonly messages: number;
      readonly queue: Consuming['queue'];
      readonly handlerMs: number;
      readonly concurrency: number;
    }
);

/** The messages of the process: first that it listens, then the result. */
export type JobMessage =
  | 'listening'
  | {
      readonly wallMs: number;
      readonly cpuMs: number;
      readonly waitsMs: readonly number[];
      /** The growth of the heap from before the connection to its peak; only for `handle`. */
      readonly heapGrowthMb?: number;
    };
