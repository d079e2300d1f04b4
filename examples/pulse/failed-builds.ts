// Tells of failed builds, and counts them: `node failed-builds.ts exchange/somebody/builds`.
// PULSE_USERNAME and PULSE_PASSWORD say who listens; PULSE_URL where, if that is not Mozilla's Pulse.
import { binding, connect, handle, namedQueue, reject } from 'tcw/pulse';

interface Build {
  readonly id: number;
  readonly platform: string;
  readonly result: 'good' | 'bad';
}

const [exchange = 'exchange/me/builds'] = process.argv.slice(2);

const builds = binding<Build>(exchange, 'finished.#', {
  type: 'object',
  required: ['id', 'platform', 'result'],
  properties: {
    id: { type: 'integer' },
    platform: { type: 'string' },
    result: { enum: ['good', 'bad'] },
  },
});

// It keeps what comes while this program or the broker is away, and what the handler gives up. At 2,000 messages
// PulseGuardian would warn, and at 8,000 delete the whole queue: past this bound the oldest go instead.
const queue = namedQueue('failed-builds/v1', {
  maxLength: 1_500,
  expiresMs: 7 * 86_400_000,
  deadLetter: true,
});

const pulse = connect({ url: process.env.PULSE_URL, connectionName: 'failed-builds' });

pulse.state$.subscribe(state => {
  console.log(state.name === 'waiting' ? `waiting: ${state.error.message}` : state.name);
});
pulse.warnings$.subscribe(warning => console.log('warning:', warning.type));

const seen = new Set<number>();
let failed = 0;

pulse
  .consume({ queue, bindings: [builds] })
  .pipe(
    handle(
      ({ body: { id, platform, result } }) => {
        // A message may come twice, and is to be counted once.
        if (seen.has(id)) return;
        seen.add(id);
        if (platform === '') return reject('a build of nothing');
        if (result === 'bad') console.log(`build ${id} for ${platform} failed, ${++failed} so far`);
      },
      { concurrency: 5 },
    ),
  )
  .subscribe({
    next: ({ outcome, error }) => outcome !== 'acked' && console.log(outcome, error),
    error: (error: Error) => {
      console.error(error.message);
      process.exitCode = 1;
      void pulse.close();
    },
  });

process.once('SIGINT', () => void pulse.close());
