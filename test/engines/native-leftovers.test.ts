import { describe, expect, it } from 'vitest';
import { newMark } from '../../src/worker/engines/native/processes/mark.ts';
import { alive, engines, Log, newFolder, newMarker, PATH, sleeping } from './native-fixtures.ts';
import { runFolderAt } from '../run-folder-at.ts';

describe.each(engines)('the processes that a worker left ($containment)', engine => {
  /** Starts sleeping processes in a sandbox, including children that left their parents. */
  async function sleepers() {
    const marker = newMarker();
    const traces: string[] = [];
    const sandbox = await engine.open({
      home: runFolderAt(await newFolder()),
      keep: trace => traces.push(trace),
    });
    const line = `trap "" TERM; (setsid sh -c 'sleep ${marker} & exit' &); env -i sleep ${marker} & sleep ${marker}`;
    const running = sandbox
      .run({ argv: ['sh', '-c', line], env: { PATH }, output: new Log() })
      .catch(() => undefined);
    await sleeping(marker, 3);
    return { marker, traces, sandbox, running };
  }

  it('are all ended by the marks of their run, and no other run is affected', async () => {
    const [left, other] = await Promise.all([sleepers(), sleepers()]);
    expect(left.traces).toHaveLength(1);
    expect(await engine.endLeftovers?.(left.traces)).toBeGreaterThan(0);
    expect(await alive(left.marker)).toEqual([]);
    await sleeping(other.marker, 3);
    await Promise.all([left, other].map(({ sandbox }) => sandbox.close()));
    await Promise.all([left.running, other.running]);
    expect(await alive(other.marker)).toEqual([]);
  });

  it.each([
    ['no marks', []],
    ['marks without processes', [newMark()]],
    ['invalid marks', ['', '1', String(process.pid), `${process.pid} 1`, 'PATH', '*', 'x'.repeat(32)]],
  ])('are none for %s', async (_, traces) => {
    expect(await engine.endLeftovers?.(traces)).toBe(0);
  });
});
