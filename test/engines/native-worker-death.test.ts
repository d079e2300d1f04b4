import { describe, expect, it } from 'vitest';
import { alive, engines, insideOnly, newMarker, searchPathOf, sleeping } from './native-fixtures.ts';
import { asNobody, canBeNobody, startWorker } from './native-worker.ts';

const users = [['the same user', []], ...(canBeNobody ? [['nobody', asNobody]] : [])] as [string, string[]][];
const workers = engines.flatMap(({ containment }) =>
  users.map(([user, prefix]) => ({ containment, user, prefix })),
);

describe.each(workers)('a worker as $user ($containment)', ({ containment, prefix }) => {
  const family = (marker: string) =>
    `trap "" TERM; (setsid sh -c 'sleep ${marker} & exit' &); nohup sleep ${marker} & env -i sleep ${marker} & sleep ${marker}`;

  it('that is killed takes all its processes with it, whatever they did', async () => {
    const marker = newMarker();
    const worker = await startWorker(prefix, family(marker), { containment });
    await sleeping(marker, 4);
    worker.kill();
    await expect.poll(() => alive(marker)).toEqual([]);
  });

  it('that is killed with only background processes left takes them with it', async () => {
    const marker = newMarker();
    const worker = await startWorker(prefix, `setsid sleep ${marker} &`, { containment });
    await sleeping(marker, 1);
    worker.kill();
    await expect.poll(() => alive(marker)).toEqual([]);
  });

  it('runs commands as itself and stops them', async () => {
    const marker = newMarker();
    const line = `trap 'echo bye; exit 4' TERM; id -u; (setsid sh -c 'sleep ${marker} & exit' &); sleep ${marker} & wait`;
    const worker = await startWorker(prefix, line, { containment });
    await sleeping(marker, 2);
    const uid = prefix.length === 0 ? process.getuid?.() : 65534;
    expect(await worker.finish()).toEqual({ exitCode: 4, output: `${uid}\nbye\n` });
    expect(await alive(marker)).toEqual([]);
  });
});

describe.each(workers.filter(({ containment }) => containment === 'pid-namespace'))(
  'a worker as $user with a sandbox in which',
  ({ containment, prefix }) => {
    const tools = ['env', 'mkfifo', 'nice', 'nsenter', 'setsid', 'unshare'];

    it('all processes were suspended takes them with it when it is killed', async () => {
      const marker = newMarker();
      const line = `${await insideOnly()} sleep ${marker} & sleep 0.1; kill -s STOP -- -1; sleep ${marker}`;
      const worker = await startWorker(prefix, line, { containment });
      await sleeping(marker, 2);
      worker.kill();
      await expect.poll(() => alive(marker)).toEqual([]);
    });

    it('the watchdog was killed, on a machine without setpriv, takes all processes with it', async () => {
      const marker = newMarker();
      const line = `${await insideOnly()} kill -s KILL -- -1; sleep ${marker}`;
      const searchPath = await searchPathOf(...tools);
      const worker = await startWorker(prefix, line, { containment, searchPath });
      await sleeping(marker, 1);
      worker.kill();
      await expect.poll(() => alive(marker)).toEqual([]);
    });
  },
);
