import taskcluster from 'taskcluster-client';
import type { Random } from './random.ts';

/** How a task may end. */
export type End = 'completed' | 'failed' | 'canceled';

/** One task of a soak. */
export interface SoakTask {
  readonly taskId: string;
  /** The body of createTask. */
  readonly definition: object;
  /** The permitted endings. There is more than one if the soak itself creates a race, such as a cancellation. */
  readonly ends: readonly End[];
  /** The time after its creation at which the soak cancels the task, in ms. */
  readonly cancelAfterMs?: number;
  /** The artifact that the task creates, with its size. */
  readonly artifact?: { readonly name: string; readonly bytes: number };
}

const ARTIFACT = { name: 'public/out.bin', bytes: 200_000 };
/** The interval between the signs of life of a task, in ms. */
const STEP_MS = 200;

export interface TaskOptions {
  readonly taskQueueId: string;
  /** The file that every run writes to. */
  readonly witness: string;
  readonly claimMs: number;
  /** The longest sleep of a plain task, if shorter than 3 s. */
  readonly longestMs: number;
  readonly random: Random;
}

/**
 * Makes a task. Most tasks sleep for up to 3 s; some fail, leave an artifact, are cancelled, or outlive a claim. A run
 * writes to the witness file when it starts, while it is alive, and when it ends.
 */
export function soakTask({ taskQueueId, witness, claimMs, longestMs, random }: TaskOptions): SoakTask {
  const chance = random.next();
  const kind =
    chance < 0.05
      ? 'fails'
      : chance < 0.12
        ? 'leaves-artifact'
        : chance < 0.15
          ? 'is-cancelled'
          : chance < 0.18
            ? 'is-long'
            : 'is-plain';
  const lastsMs =
    kind === 'is-long' ? claimMs + random.between(0, 3_000) : Math.min(longestMs, random.between(0, 3_000));
  const script = [
    `say() { echo "$1 $TASK_ID $RUN_ID" >> '${witness}'; }`,
    'say start',
    `n=0; while [ $n -lt ${Math.round(lastsMs / STEP_MS)} ]; do sleep ${STEP_MS / 1000}; say alive; n=$((n+1)); done`,
    ...(kind === 'leaves-artifact' ? [`head -c ${ARTIFACT.bytes} /dev/zero > out.bin`] : []),
    'echo "last words of $TASK_ID"',
    'say end',
    ...(kind === 'fails' ? ['exit 1'] : []),
  ].join('\n');
  const now = new Date();
  return {
    taskId: taskcluster.slugid(),
    definition: {
      taskQueueId,
      schedulerId: 'soak',
      created: now.toJSON(),
      deadline: taskcluster.fromNow('2 hours', now).toJSON(),
      // Enough retries for all faults: each fault may cost each task one.
      retries: 20,
      metadata: { name: kind, description: '', owner: 'soak@localhost', source: 'https://localhost/soak' },
      payload: {
        command: [['sh', '-c', script]],
        maxRunTime: 600,
        ...(kind === 'leaves-artifact' && {
          artifacts: [{ type: 'file', path: 'out.bin', name: ARTIFACT.name, contentEncoding: 'identity' }],
        }),
      },
    },
    ends: kind === 'fails' ? ['failed'] : kind === 'is-cancelled' ? ['canceled', 'completed'] : ['completed'],
    ...(kind === 'is-cancelled' && { cancelAfterMs: random.between(0, 3_000) }),
    ...(kind === 'leaves-artifact' && { artifact: ARTIFACT }),
  };
}
