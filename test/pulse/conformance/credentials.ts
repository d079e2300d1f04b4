import { inspect } from 'node:util';
import { filter, firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function credentials(setting: Setting): void {
  describe('credentials from a function', () => {
    it('are requested for each connection', async () => {
      const { under, consuming } = setting;
      const { user, password } = under.login;
      let asked = 0;
      const pulse = under.connect({
        password: undefined,
        credentials: async () => {
          asked++;
          return { user, password };
        },
      });
      const { events } = await consuming({}, pulse);
      expect(asked).toBe(1);
      await under.cutConnections();
      await expect.poll(() => events.filter(({ type }) => type === 'consuming').length).toBe(2);
      expect(asked).toBeGreaterThanOrEqual(2);
      await pulse.close();
    });

    it('determine the user, and thus the names of queues, after the first request', async () => {
      const { under, queueOf } = setting;
      const { user, password } = under.login;
      const spec = queueOf();
      const pulse = under.connect({ password: undefined, credentials: async () => ({ user, password }) });
      const queue = pulse.queue(spec);
      expect(() => queue.name).toThrow(
        expect.objectContaining({ kind: 'invalid', message: expect.stringContaining('ready()') }),
      );
      expect(await queue.inspect()).toBeUndefined();
      expect(queue.name).toBe(spec.nameFor(user));
      await pulse.close();
      const told = under.connect({ namespace: 'else', credentials: async () => ({ user, password }) });
      expect(told.queue(spec).name).toBe(spec.nameFor('else'));
      await told.close();
    });

    it('that are unavailable are requested again', async () => {
      const { user, password } = setting.under.login;
      let asked = 0;
      const pulse = setting.under.connect({
        credentials: () => {
          if (++asked < 3) throw new Error('the vault is sealed');
          return { user, password };
        },
      });
      const waiting = await firstValueFrom(pulse.state$.pipe(filter(state => state.name === 'waiting')));
      expect(waiting.error).toMatchObject({
        kind: 'connection',
        message: 'the option credentials gave no login: the vault is sealed',
      });
      await pulse.ready();
      expect(asked).toBe(3);
      await pulse.close();
    });

    it.each([
      [{ user: '', password: 'p' }, 'user'],
      [{ user: 'u', password: '' }, 'password'],
      [{ user: 'u', password: new Secret('') }, 'password'],
    ])('that are empty count as unavailable, and no other user logs in instead: %j', async (answer, what) => {
      const pulse = setting.under.connect({ credentials: () => answer });
      const waiting = await firstValueFrom(pulse.state$.pipe(filter(state => state.name === 'waiting')));
      expect(waiting.error).toMatchObject({
        kind: 'connection',
        message: `the option credentials gave no login: the function returned no ${what}`,
      });
      await pulse.close();
    });

    it('are refused like any others, and shown nowhere', async () => {
      const { user } = setting.under.login;
      const pulse = setting.under.connect({
        credentials: () => ({ user, password: new Secret('sw0rdfish') }),
      });
      const error = await pulse.ready().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ kind: 'credentials' });
      expect(inspect([error, pulse], { depth: 20, showHidden: true })).not.toContain('sw0rdfish');
      await pulse.close();
    });
  });
}
