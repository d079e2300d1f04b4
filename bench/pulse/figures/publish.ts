import { CONTENDERS, type ContenderName } from '../job.ts';
import type { PulseSetting } from '../setting.ts';
import { comparison, interleaved, type Round } from './compare.ts';
import type { PulseFigure } from './figure.ts';

const SIZES = { quick: { rounds: 1, messages: 10_000 }, full: { rounds: 5, messages: 60_000 } };
const IN_FLIGHT = 256;

/** Publishes messages, a limited number at a time, each confirmed by the broker. Nobody listens. */
export const publish: PulseFigure = {
  name: 'publish',
  async measure(setting) {
    const { rounds } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`publish: ${rounds} rounds of each`);
    const measured = await interleaved(CONTENDERS, rounds, name => publishAll(setting, name));
    return comparison(`publish with confirms, ${IN_FLIGHT} in flight`, measured, { speed: 1.1, cpu: 1 });
  },
};

async function publishAll(
  { quick, url, exchange, start }: PulseSetting,
  contender: ContenderName,
): Promise<Round> {
  const { messages } = quick ? SIZES.quick : SIZES.full;
  const { wallMs, cpuMs } = await start({
    type: 'publish',
    contender,
    url,
    exchange,
    messages,
    inFlight: IN_FLIGHT,
  }).result;
  return { perSecond: messages / (wallMs / 1_000), cpuMicros: (cpuMs * 1_000) / messages };
}
