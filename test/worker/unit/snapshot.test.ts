import { expect, it } from 'vitest';
import { snapshots } from '../../../src/worker/snapshot.ts';
import { claimAfter } from '../../pool/claim.ts';

const claim = claimAfter(0);

it('a slot is out of service from the end of a run with processes left until they are gone', () => {
  const watched = snapshots(2);
  watched.see({ type: 'run', claim, state: { phase: 'claimed' } });
  expect(watched.present()).toMatchObject({ runs: [{ taskId: claim.taskId }], outOfService: 0, resolved: 0 });
  watched.see({ type: 'run', claim, state: { phase: 'resolved', outcome: undefined, processesLeft: true } });
  expect(watched.present()).toMatchObject({ runs: [], outOfService: 1, resolved: 1 });
  watched.see({ type: 'processes-gone', claim });
  expect(watched.present()).toMatchObject({ runs: [], outOfService: 0, resolved: 1 });
});

it('the slot of a run with no processes left is free', () => {
  const watched = snapshots(1);
  watched.see({ type: 'run', claim, state: { phase: 'claimed' } });
  watched.see({ type: 'run', claim, state: { phase: 'resolved', outcome: undefined } });
  expect(watched.present()).toMatchObject({ runs: [], outOfService: 0, resolved: 1 });
});
