// `npm run soak`: runs a thousand tasks on workers while faults are injected. docs/testing.md lists what is checked.
import { HELP, BadOption, soakOptions } from '../soak/options.ts';
import { soak } from '../soak/soak.ts';
import { brokenPromises, inWords } from '../soak/summary.ts';
import { brokerControl } from '../test/harness/broker-control.ts';
import { startOwnBroker } from '../test/harness/broker.ts';

async function main(words: readonly string[]): Promise<number> {
  const options = soakOptions(words);
  if (!options) {
    process.stdout.write(HELP);
    return 0;
  }
  const startedMs = performance.now();
  const say = (text: string) => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
    process.stderr.write(`${seconds} s  ${text}\n`);
  };
  say(`seed ${options.seed}: starting a broker`);
  const broker = await startOwnBroker();
  try {
    const restart = broker.control && brokerControl(broker.control);
    const summary = await soak(options, { ...broker, restart }, say);
    process.stdout.write(`\n${inWords(summary)}`);
    return brokenPromises(summary).length === 0 ? 0 : 1;
  } finally {
    await broker.stop();
  }
}

// The child processes end with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof BadOption) {
    process.stderr.write(`soak: ${error.message}\n`);
    process.exit(64);
  }
  process.stderr.write(`soak: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(2);
}
