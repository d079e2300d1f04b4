import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { badBodies } from './conformance/bad-bodies.ts';
import { bindings } from './conformance/bindings.ts';
import { bounds } from './conformance/bounds.ts';
import { callbacks } from './conformance/callbacks.ts';
import { credentials } from './conformance/credentials.ts';
import { deletedQueues } from './conformance/deleted-queues.ts';
import { dialects } from './conformance/dialects.ts';
import { ephemeral } from './conformance/ephemeral.ts';
import { handling } from './conformance/handling.ts';
import { leastPrivilege } from './conformance/least-privilege.ts';
import { losing } from './conformance/losing.ts';
import { operators } from './conformance/operators.ts';
import { outages } from './conformance/outages.ts';
import { pausing } from './conformance/pausing.ts';
import { publishChecks } from './conformance/publish-checks.ts';
import { publishResults } from './conformance/publish-results.ts';
import { publishing } from './conformance/publishing.ts';
import { publishingAtTheEnd } from './conformance/publishing-at-the-end.ts';
import { queueCalls } from './conformance/queue-calls.ts';
import { queues } from './conformance/queues.ts';
import { refusals } from './conformance/refusals.ts';
import { returned } from './conformance/returned.ts';
import { setting, type BrokerUnderTest } from './conformance/setting.ts';
import { settling } from './conformance/settling.ts';
import { stopping } from './conformance/stopping.ts';
import { transport } from './conformance/transport.ts';
import { waiting } from './conformance/waiting.ts';
import { watching } from './conformance/watching.ts';

/**
 * What `tcw/pulse` promises, whichever broker is behind it: a block for each of its requirements. Requirement 2, and what
 * else only the operator of a broker can bring about, is in trouble.ts.
 */
export function conformance(name: string, broker: () => Promise<BrokerUnderTest>): void {
  describe(`tcw/pulse over ${name}`, () => {
    const each = setting(broker);

    it('reports when it is connected', async () => {
      await each.pulse.ready();
      expect(await firstValueFrom(each.pulse.state$)).toEqual({ name: 'connected' });
    });

    describe('requirement 1: least privilege', () => {
      leastPrivilege(each);
    });
    describe('requirement 3: no silent consumer', () => {
      losing(each);
      deletedQueues(each);
    });
    describe('requirement 4: errors are classified', () => {
      refusals(each);
    });
    describe('requirement 5: settle once, on the delivering channel', () => {
      settling(each);
    });
    describe('requirement 6: bounded by construction', () => {
      bounds(each);
      pausing(each);
    });
    describe('requirement 7: explicit outcomes', () => {
      handling(each);
      operators(each);
      callbacks(each);
      waiting(each);
      outages(each);
      queues(each);
      queueCalls(each);
    });
    describe('requirement 8: bad bodies are data', () => {
      badBodies(each);
    });
    describe('requirement 9: every publish settles once', () => {
      publishing(each);
      publishResults(each);
      returned(each);
    });
    describe('requirement 10: checked before any frame', () => {
      publishChecks(each);
    });
    describe('requirement 11: graceful stop', () => {
      stopping(each);
      publishingAtTheEnd(each);
    });
    describe('requirement 12: gaps are announced', () => {
      ephemeral(each);
    });
    describe('requirement 13: dialects, types and bindings', () => {
      dialects(each);
      bindings(each);
    });
    describe('requirement 14: observable, and silent about secrets', () => {
      watching(each);
      credentials(each);
    });
    describe('requirement 15: two brokers that answer alike', () => {
      transport(each);
    });
  });
}
