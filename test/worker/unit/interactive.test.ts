import { expect, it } from 'vitest';
import type { Exposed } from '../../../src/worker/exposure/index.ts';
import type { Sandbox } from '../../../src/worker/engines/engine.ts';
import type { RunHandle, WorkerHost } from '../../../src/worker/features/feature.ts';
import { interactive } from '../../../src/worker/features/interactive/interactive.ts';
import { featureHost } from './feature-host.ts';

it('does not delay the end of a task while the connection to the worker is being opened', async () => {
  const { promise: opening, resolve: open } = Promise.withResolvers<Exposed>();
  const exposure = { open: () => opening };
  const host = { ...featureHost(), exposure: () => exposure } as unknown as WorkerHost;
  const warnings: string[] = [];
  const run = {
    artifacts: { reserve: () => undefined },
    log: { warn: (line: string) => warnings.push(line) },
    signal: new AbortController().signal,
  } as unknown as RunHandle;
  const feature = await interactive.open(host);
  const active = await feature.start(true, run);
  active.started?.({} as Sandbox, {});
  await active[Symbol.asyncDispose]?.();
  expect(warnings).toEqual(['cannot offer a shell: the task has ended before there was one']);
  const closed = Promise.withResolvers<void>();
  open({ url: 'http://a/shell/secret', [Symbol.asyncDispose]: async () => closed.resolve() });
  await closed.promise;
});
