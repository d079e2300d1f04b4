import { row } from '../../report/row.ts';
import { CONTENDERS, type ContenderName } from '../job.ts';
import type { PulseSetting } from '../setting.ts';
import { comparison, interleaved, type Round } from './compare.ts';
import type { PulseFigure } from './figure.ts';

const SIZES = { quick: { rounds: 1, messages: 10_000 }, full: { rounds: 5, messages: 60_000 } };
const PREFETCH = 200;

/** Consumes, parses and individually acks messages that wait in a queue. */
export const consume: PulseFigure = {
  name: 'consume',
  async measure(setting) {
    const { rounds } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`consume: ${rounds} rounds of each`);
    const names = [...CONTENDERS, 'validated'] as const;
    const measured = await interleaved(names, rounds, name =>
      name === 'validated' ? consumeAll(setting, 'tcw', true) : consumeAll(setting, name, false),
    );
    return [
      ...comparison('consume', measured, { speed: 0.95, cpu: 1.0 }),
      row(
        'consume: tcw with a check against the schema, of tcw without',
        'times',
        measured.validated.perSecond / measured.tcw.perSecond,
        undefined,
        { atLeast: 0.8 },
      ),
    ];
  },
};

async function consumeAll(
  setting: PulseSetting,
  contender: ContenderName,
  validate: boolean,
): Promise<Round> {
  const { messages } = setting.quick ? SIZES.quick : SIZES.full;
  const queue = await setting.newQueue(messages);
  const job = {
    type: 'consume',
    contender,
    url: setting.url,
    queue,
    prefetch: PREFETCH,
    validate,
    messages,
  } as const;
  const { wallMs, cpuMs } = await setting.start(job).result;
  await setting.deleteQueue(queue);
  return { perSecond: messages / (wallMs / 1_000), cpuMicros: (cpuMs * 1_000) / messages };
}
