import { afterEach, expect, it } from 'vitest';
import { queueForWorkers } from './workers.ts';

const FILES = 6;
const LOG = 'public/logs/live_backing.log';

let here: Awaited<ReturnType<typeof queueForWorkers>>;
afterEach(() => here.close());

// Who opens a pipe waits until there is somebody at its other end, in one of four threads that a worker has for all files.
it('a task that replaces files of the worker with pipes blocks nobody, not even itself', async () => {
  here = await queueForWorkers();
  const worker = here.start('--capacity=2');
  const names = Array.from({ length: FILES }, (_, index) => `f${index}`);
  const hostile = await here.create(
    `run="../$(basename "$PWD")"
    for i in ${names.join(' ')}; do head -c 100000 /dev/urandom >$i; done
    for i in $(seq 0 ${FILES}); do mkfifo "$run.artifact-$i.gz" "out-$i"; done
    rm "$run.log"; mkfifo "$run.log" "$run.log.gz"
    mkdir d; mkfifo d/pipe; touch d/file
    echo this is in the log; head -c 100000 /dev/urandom | od`,
    {},
    {
      artifacts: [
        ...names.map(path => ({ type: 'file', path, name: `public/${path}` })),
        { type: 'directory', path: 'd', name: 'public/d', optional: true },
      ],
    },
  );
  await here.reaches(hostile, 'completed');
  await here.reaches(await here.create('echo hello'), 'completed');
  const uploaded = (await here.artifacts(hostile))
    .map(({ name, storageType }) => `${storageType} ${name}`)
    .sort();
  expect(uploaded).toEqual([
    'error public/d/pipe',
    'link public/logs/live.log',
    's3 public/d/file',
    ...names.map(name => `s3 public/${name}`),
    `s3 ${LOG}`,
  ]);
  expect(await here.artifact(hostile, LOG)).toContain('this is in the log\n');
  worker.child.kill('SIGTERM');
  expect(await worker.exited).toBe(72);
});
