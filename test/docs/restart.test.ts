import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startOwnBroker } from '../harness/broker.ts';
import { restartUnderExample } from './restart.ts';

const linesOf = (file: string) =>
  readFileSync(new URL(`../../examples/pulse/${file}`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n').length;

it('the example failed-builds.ts handles every message while its broker is restarted', async () => {
  const broker = await startOwnBroker();
  try {
    const restarted = await restartUnderExample('failed-builds.ts', broker, 200, 20, 1_000);
    const { printed, exitCode, sent, confirmed } = restarted;
    expect(confirmed).toBe(sent);
    const handled = [...printed.matchAll(/^build (\d+) for linux failed/gm)].map(([, id]) => Number(id));
    expect(new Set(handled).size).toBe(sent);
    expect(handled).toHaveLength(sent);
    expect(printed).toMatch(/^connected\nbuild[^]*\nwaiting: [^]*\nconnected\nbuild/m);
    expect(printed).toMatch(/closed$/);
    expect(exitCode).toBe(0);
  } finally {
    await broker.stop();
  }
});

it('the example plain.mjs, without RxJS, handles every message while its broker is restarted', async () => {
  const broker = await startOwnBroker();
  try {
    const { printed, exitCode, sent, confirmed } = await restartUnderExample(
      'plain.mjs',
      broker,
      200,
      20,
      1_000,
    );
    expect(confirmed).toBe(sent);
    const handled = [...printed.matchAll(/^build (\d+) is bad$/gm)].map(([, id]) => Number(id));
    expect(new Set(handled).size).toBe(sent);
    expect(printed.match(/^tcw\/pulse: .*cannot be reached/gm)).toHaveLength(1);
    expect(printed).toMatch(/stopped$/);
    expect(exitCode).toBe(0);
  } finally {
    await broker.stop();
  }
});

it('the examples have the number of lines that the documents state', () => {
  expect(linesOf('failed-builds.ts')).toBeLessThan(70);
  expect(linesOf('plain.mjs')).toBeLessThanOrEqual(20);
});
