import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { runCrashHooks } from '../../src/cli/run/crash.ts';
import { Failure } from '../../src/cli/words/failure.ts';
import { hosted } from '../../src/cli/run/hosted.ts';

/** A host, and reports to it, that record what they receive. */
function host() {
  const reported: unknown[] = [];
  return {
    reported,
    crashed: (error: unknown) => Promise.resolve(void reported.push((error as Error).message)),
    cannotWork: (message: string) => Promise.resolve(void reported.push(message)),
    settled: () => Promise.resolve(),
    ended: (exitCode: number) => Promise.resolve(void reported.push(exitCode)),
  };
}

it('reports the exit code to the host', async () => {
  const here = host();
  expect(await hosted(here, here, () => Promise.resolve(68))).toBe(68);
  expect(here.reported).toEqual([68]);
});

it('reports a mistake or an error first, and throws it again', async () => {
  const here = host();
  const mistake = new Failure(73, 'no such engine');
  const error = new Error('a bug');
  await expect(hosted(here, here, () => Promise.reject(mistake))).rejects.toBe(mistake);
  await expect(hosted(here, here, () => Promise.reject(error))).rejects.toBe(error);
  expect(here.reported).toEqual(['no such engine', 73, 'a bug', 69]);
});

it('reports a crash to the host before the process ends', async () => {
  const here = host();
  const { promise: left, resolve: leave } = Promise.withResolvers<undefined>();
  void hosted(here, here, () => new Promise(() => undefined));
  runCrashHooks(new Error('thrown by nobody'), () => {
    leave(undefined);
  });
  await left;
  expect(here.reported).toEqual(['thrown by nobody', 69]);
});

it('exits with the code of a crash after the host was told, even if the worker ends meanwhile', async () => {
  const here = host();
  const { promise: heard, resolve: hear } = Promise.withResolvers<undefined>();
  const ended = async (exitCode: number) => {
    await heard;
    here.reported.push(exitCode);
  };
  const { promise: worked, resolve: endWork } = Promise.withResolvers<number>();
  const exitCode = hosted({ ended }, here, () => worked);
  runCrashHooks(new Error('thrown by nobody'), () => undefined);
  endWork(71);
  await setImmediate();
  hear(undefined);
  expect(await exitCode).toBe(69);
  expect(here.reported).toEqual(['thrown by nobody', 69]);
});

it('reports only a crash to the host if the worker fails as a consequence', async () => {
  const here = host();
  const { promise: worked, reject: breakOff } = Promise.withResolvers<number>();
  const exitCode = hosted(here, here, () => worked);
  runCrashHooks(new Error('thrown by nobody'), () => undefined);
  breakOff(new Error('a consequence'));
  await expect(exitCode).rejects.toThrow('a consequence');
  expect(here.reported).toEqual(['thrown by nobody', 69]);
});

it('does not exit for another crash before the host was told of the first', async () => {
  const here = host();
  const { promise: heard, resolve: hear } = Promise.withResolvers<undefined>();
  const ended = async (exitCode: number) => {
    await heard;
    here.reported.push(exitCode);
  };
  void hosted({ ended }, here, () => new Promise(() => undefined));
  const { promise: left, resolve: leave } = Promise.withResolvers<unknown[]>();
  for (const message of ['thrown by nobody', 'and again']) {
    runCrashHooks(new Error(message), () => {
      leave([...here.reported]);
    });
  }
  hear(undefined);
  expect(await left).toEqual(['thrown by nobody', 69]);
});

it('exits at once if there is no host', () => {
  let isLeft = false;
  runCrashHooks(new Error('a bug'), () => (isLeft = true));
  expect(isLeft).toBe(true);
});
