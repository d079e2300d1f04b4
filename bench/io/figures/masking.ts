import { randomBytes } from 'node:crypto';
import { Secret } from '../../../src/base/index.ts';
import { listOf } from '../../../src/worker/secrets/secret-list.ts';
import { redaction } from '../../../src/worker/task-log/redaction.ts';
import type { Figure } from '../../figures/figure.ts';
import { rowOf } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';
import { buildLog } from '../setting/files.ts';

const ROUNDS = { quick: 5, full: 20 };
const SECRETS = 100;
const BYTES = 200e6;
const CHUNK_BYTES = 64 * 1024;

/** The secret filter, which all task output passes through. */
export const masking: Figure = {
  name: 'masking',
  measure(setting) {
    const rounds = setting.quick ? ROUNDS.quick : ROUNDS.full;
    setting.say(`masking: ${BYTES / 1e6} MB, ${rounds} times`);
    const secrets = Array.from({ length: SECRETS }, () => new Secret(randomBytes(33).toString('base64url')));
    const list = listOf(
      () => secrets,
      () => 0,
    );
    const text = buildLog();
    const samples: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const filter = redaction(() => list);
      const startedMs = nowMs();
      let bytes = 0;
      for (let at = 0; bytes < BYTES; at = (at + CHUNK_BYTES) % (text.length - CHUNK_BYTES)) {
        filter.pass(text.subarray(at, at + CHUNK_BYTES));
        bytes += CHUNK_BYTES;
      }
      filter.end();
      samples.push(bytes / 1e6 / ((nowMs() - startedMs) / 1_000));
    }
    const figure = `masking with ${SECRETS} secrets`;
    return Promise.resolve([rowOf('median', { figure, unit: 'MB/s', samples }, { atLeast: 200 })]);
  },
};
