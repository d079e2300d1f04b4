import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startOwnBroker } from '../harness/broker.ts';
import { restartUnderExample } from './restart.ts';

it('the example of a consumer handles every message while its broker is restarted under it', async () => {
  const broker = await startOwnBroker();
  try {
    const { printed, exitCode, sent, confirmed } = await restartUnderExample(broker, 200, 20, 1_000);
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

it('the example has about sixty lines', () => {
  const text = readFileSync(new URL('../../examples/pulse/failed-builds.ts', import.meta.url), 'utf8');
  expect(text.split('\n').length).toBeLessThan(70);
});
