import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { badBodies } from './conformance/bad-bodies.ts';
import { bounds } from './conformance/bounds.ts';
import { losing } from './conformance/losing.ts';
import { publishing } from './conformance/publishing.ts';
import { refusals } from './conformance/refusals.ts';
import { setting, type BrokerUnderTest } from './conformance/setting.ts';
import { settling } from './conformance/settling.ts';
import { stopping } from './conformance/stopping.ts';
import { transport } from './conformance/transport.ts';

/** What `tcw/pulse` promises, whichever broker is behind it. */
export function conformance(name: string, broker: () => Promise<BrokerUnderTest>): void {
  describe(`tcw/pulse over ${name}`, () => {
    const each = setting(broker);

    it('tells when it is connected', async () => {
      await each.pulse.ready();
      expect(await firstValueFrom(each.pulse.state$)).toEqual({ name: 'connected' });
    });

    transport(each);
    publishing(each);
    settling(each);
    bounds(each);
    badBodies(each);
    losing(each);
    refusals(each);
    stopping(each);
  });
}
