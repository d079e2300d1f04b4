import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { diskGate } from '../../../src/worker/asking/claim-gate.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { eventLog } from './fake-queue.ts';

const MB = 1024 ** 2;

function start() {
  fakeTimers();
  const disk = { freeMb: 5, canFree: 0, broken: false, collections: 0 };
  const shortages = async () => {
    if (disk.broken) throw new Error('EIO');
    return disk.freeMb >= 100
      ? []
      : [
          {
            folder: '/tasks',
            device: 1,
            freeBytes: disk.freeMb * MB,
            totalBytes: 500 * MB,
            requiredBytes: 100 * MB,
          },
        ];
  };
  const collector = {
    add: () => undefined,
    shortages,
    makeRoom: async () => {
      disk.collections++;
      disk.freeMb += disk.canFree;
      disk.canFree = 0;
      return (await shortages()).length === 0;
    },
  };
  const slots = slotsFor(2);
  const events = eventLog();
  const there = diskGate(collector, slots, events.emit, 1_000);
  let releases = 0;
  const subscription = there.opened$.subscribe(() => releases++);
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { disk, slots, room: there, events, subscription, releases: () => releases };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('the check of free disk space', () => {
  it('passes without a log line or a removal if there is enough', async () => {
    const { disk, room, events, slots } = start();
    disk.freeMb = 100;
    expect(await room.check()).toBe(true);
    expect([events.lines, disk.collections, slots.free, room.isClosed]).toEqual([[], 0, 2, false]);
  });

  it('frees space if possible, and pauses the worker meanwhile', async () => {
    const { disk, room, events, slots, releases } = start();
    disk.canFree = 95;
    const answer = room.check();
    await Promise.resolve();
    expect(await answer).toBe(false);
    await after(0);
    expect([slots.free, room.isClosed, releases()]).toEqual([2, false, 1]);
    expect(events.lines).toEqual([]);
    expect(await room.check()).toBe(true);
  });

  it('is repeated while there is too little, and logs that once', async () => {
    const { disk, room, events, slots, releases } = start();
    expect(await room.check()).toBe(false);
    expect([slots.free, room.isClosed]).toEqual([0, true]);
    await after(5_000);
    expect(await room.check()).toBe(false);
    expect(disk.collections).toBe(6);
    expect(events.lines.map(({ level }) => level)).toEqual(['warn']);
    expect(events.lines[0]?.message).toBe(
      'the disk has no room for another task, so this worker asks for no work: 5 MB are free of 500, and ' +
        'requiredDiskSpaceMegabytes is 100. Free disk space, or require less',
    );
    disk.freeMb = 200;
    await after(1_000);
    expect([slots.free, room.isClosed, releases()]).toEqual([2, false, 1]);
    expect(events.lines.at(-1)).toMatchObject({ level: 'info' });
    // It may happen again.
    disk.freeMb = 1;
    expect(await room.check()).toBe(false);
    await after(0);
    expect(events.lines).toHaveLength(3);
  });

  it('does not end a pause for another reason', async () => {
    const { disk, room, slots } = start();
    await room.check();
    slots.pause('quarantine');
    disk.freeMb = 200;
    await after(1_000);
    expect(slots.free).toBe(0);
    slots.resume('quarantine');
    expect(slots.free).toBe(2);
  });

  it('passes with a warning if the system cannot tell the free space', async () => {
    const { disk, room, events } = start();
    disk.broken = true;
    expect(await room.check()).toBe(true);
    expect(events.lines).toMatchObject([{ level: 'warn' }]);
  });

  it('frees the slots when it is unsubscribed', async () => {
    const { room, slots, subscription } = start();
    await room.check();
    subscription.unsubscribe();
    expect([slots.free, room.isClosed]).toEqual([2, false]);
  });
});
