import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { COMMANDS } from './model/commands.ts';
import { createQueueAtHand } from './model/queue-at-hand.ts';
import { QueueModel } from './model/queue-model.ts';

/**
 * Whatever is done to the queue, in whatever order: it is in the state that a model of it in plain words is in, and has
 * announced what the model says. A failure prints a seed and a path, of which `QUEUE_MODEL_SEED` and, up to its first colon,
 * `QUEUE_MODEL_PATH` find it again; with `QUEUE_MODEL_REPLAY`, the printed replayPath, the whole path does so at once.
 * `QUEUE_MODEL_RUNS` makes it longer.
 */
it('keeps the promises of Taskcluster for any sequence of events', async () => {
  const { QUEUE_MODEL_SEED, QUEUE_MODEL_PATH, QUEUE_MODEL_REPLAY, QUEUE_MODEL_RUNS } = process.env;
  const commands = fc.commands(COMMANDS, {
    maxCommands: 60,
    size: '+1',
    ...(QUEUE_MODEL_REPLAY !== undefined && { replayPath: QUEUE_MODEL_REPLAY }),
  });
  let most = 0;
  await fc.assert(
    fc.asyncProperty(commands, async each => {
      const real = createQueueAtHand();
      const model = new QueueModel(real.clock.now());
      try {
        await fc.asyncModelRun(() => ({ model, real }), each);
      } finally {
        real.queue.close();
      }
      most = Math.max(most, ...[...model.tasks.values()].map(({ runs }) => runs.length));
    }),
    {
      numRuns: Number(QUEUE_MODEL_RUNS ?? 300),
      ...(QUEUE_MODEL_SEED !== undefined && { seed: Number(QUEUE_MODEL_SEED) }),
      ...(QUEUE_MODEL_PATH !== undefined && { path: QUEUE_MODEL_PATH }),
    },
  );
  // It did get somewhere.
  if (QUEUE_MODEL_PATH === undefined) expect(most).toBeGreaterThan(1);
});
