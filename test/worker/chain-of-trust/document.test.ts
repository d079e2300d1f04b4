import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chainOfTrustDocument,
  type CertifiedRun,
} from '../../../src/worker/features/chain-of-trust/document.ts';

const RUN: CertifiedRun = {
  artifacts: new Map([
    ['public/logs/certified.log', 'a'.repeat(64)],
    ['public/build/target.zip', 'b'.repeat(64)],
  ]),
  task: { provisionerId: 'p', payload: { command: [['true']] } },
  taskId: 'fN1SbArXTPSVFNUvaOlinQ',
  runId: 1,
  workerGroup: 'here',
  workerId: 'w-1',
  machine: {
    publicIP: '192.0.2.1',
    privateIP: '10.0.0.1',
    instanceId: 'i-1',
    instanceType: 'large',
    region: 'north',
  },
};

const parsed = (text: string) => JSON.parse(text) as Record<string, unknown>;

describe('chain-of-trust.json', () => {
  it('has the format of generic-worker, byte for byte', () => {
    expect(chainOfTrustDocument(RUN)).toBe(`{
  "chainOfTrustVersion": 1,
  "artifacts": {
    "public/build/target.zip": {
      "sha256": "${'b'.repeat(64)}"
    },
    "public/logs/certified.log": {
      "sha256": "${'a'.repeat(64)}"
    }
  },
  "task": {
    "provisionerId": "p",
    "payload": {
      "command": [
        [
          "true"
        ]
      ]
    }
  },
  "taskId": "fN1SbArXTPSVFNUvaOlinQ",
  "runId": 1,
  "workerGroup": "here",
  "workerId": "w-1",
  "environment": {
    "publicIpAddress": "192.0.2.1",
    "privateIpAddress": "10.0.0.1",
    "instanceId": "i-1",
    "instanceType": "large",
    "region": "north"
  }
}`);
  });

  it('omits an unknown public address, and has empty values otherwise', () => {
    expect(parsed(chainOfTrustDocument({ ...RUN, machine: {} })).environment).toEqual({
      privateIpAddress: '',
      instanceId: '',
      instanceType: '',
      region: '',
    });
  });

  it('has the additional data of a task after the fields of the worker', () => {
    const text = chainOfTrustDocument(RUN, { reason: ['x'], environment: { imageHash: 'sha256:1' } });
    const { environment, reason } = parsed(text);
    expect(reason).toEqual(['x']);
    expect(environment).toMatchObject({ imageHash: 'sha256:1', region: 'north' });
    expect(Object.keys(parsed(text)).at(-1)).toBe('reason');
  });

  it('does not let a task change fields of the worker, or add ones that it leaves out', () => {
    const text = chainOfTrustDocument(
      { ...RUN, machine: {} },
      {
        chainOfTrustVersion: 2,
        artifacts: { 'public/evil': { sha256: 'c' } },
        task: { payload: { more: 1 } },
        taskId: 'x',
        runId: 9,
        workerGroup: 'x',
        workerId: 'x',
        environment: { publicIpAddress: '203.0.113.9', region: 'south', imageHash: 'y' },
      },
    );
    const expected = parsed(chainOfTrustDocument({ ...RUN, machine: {} }));
    expect(parsed(text)).toEqual({
      ...expected,
      environment: { ...(expected.environment as object), imageHash: 'y' },
    });
  });

  it('does not let a task change anything, whatever it adds', () => {
    const expected = parsed(chainOfTrustDocument(RUN));
    const names = [...Object.keys(expected), '__proto__', 'toJSON', 'constructor'];
    const additional = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), fc.jsonValue());
    fc.assert(
      fc.property(additional, data => {
        const { environment, ...rest } = parsed(chainOfTrustDocument(RUN, data));
        const { environment: own, ...others } = expected;
        expect(rest).toMatchObject(others);
        expect(rest.artifacts).toEqual(others.artifacts);
        expect(rest.task).toEqual(others.task);
        expect(environment).toMatchObject(own as object);
      }),
    );
  });

  it('includes artifacts and properties with any name', () => {
    const artifacts = new Map([['__proto__', 'd'.repeat(64)]]);
    const text = chainOfTrustDocument(
      { ...RUN, artifacts },
      JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>,
    );
    expect(text).toContain(`"__proto__": {\n      "sha256": "${'d'.repeat(64)}"`);
    expect(text).toContain('"polluted": true');
    expect({}).not.toHaveProperty('polluted');
  });

  it('ignores an environment that is not an object', () => {
    for (const environment of [null, 1, 'x', ['x']]) {
      expect(chainOfTrustDocument(RUN, { environment })).toBe(chainOfTrustDocument(RUN));
    }
  });
});
