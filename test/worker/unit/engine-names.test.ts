import { describe, expect, it } from 'vitest';
import { engineNames, formatsOf, type EngineConfig } from '../../../src/worker/engine-names.ts';
import { workerConfig } from './worker-config.ts';

const root = process.getuid?.() === 0 && process.platform === 'linux';

/** The engines of a configuration, and their payload formats. */
const seen = (change: Partial<EngineConfig>) => {
  const config = workerConfig(change);
  return [engineNames(config).join(), formatsOf(config).join()];
};
const d2g = (enableD2G: boolean) => ({ d2gConfig: { ...workerConfig({}).d2gConfig, enableD2G } });

describe('the engines of a worker', () => {
  it('are those that the configuration names', () => {
    expect(seen({ engine: 'user,docker' })).toEqual(['user,docker', 'generic-worker,docker-worker']);
    expect(seen({ engine: 'docker', ...d2g(false) })).toEqual(['docker', 'docker-worker']);
    expect(seen({ engine: 'script', ...d2g(true) })).toEqual(['script', 'script']);
    expect(seen({ engine: 'native', headlessTasks: true })).toEqual(['native', 'generic-worker']);
  });

  it('are those that a configuration of generic-worker implies', () => {
    expect(seen({})).toEqual(['native', 'generic-worker']);
    expect(seen(d2g(true))).toEqual(['native,docker', 'generic-worker,docker-worker']);
    expect(seen({ ...d2g(true), disableNativePayloads: true })).toEqual(['docker', 'docker-worker']);
    expect(seen({ headlessTasks: true })).toEqual([root ? 'user' : 'native', 'generic-worker']);
    expect(seen({ headlessTasks: false })).toEqual(['native', 'generic-worker']);
  });

  it('run no native payloads if the pool disables them', () => {
    expect(seen({ engine: 'native,docker', disableNativePayloads: true })[1]).toBe('docker-worker');
    expect(seen({ disableNativePayloads: true })[1]).toBe('');
  });
});
