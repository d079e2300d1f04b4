// The baseline in its own process. Its environment variables are those of `tcw run`.
import { workerParts } from './setting/worker-parts.ts';
import { baselineWorker } from './baseline.ts';

const parts = await workerParts();
process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => process.exit());
process.send?.('ready');
await baselineWorker(parts);
