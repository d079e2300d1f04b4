// The program of the threads that decompress and unpack. start.ts starts it.
import { parentPort, workerData } from 'node:worker_threads';
import { setProgram } from './program-cell.ts';
import { failureOf, type Answer, type Given, type ThreadMessage } from './messages.ts';
import { decompressJob } from './decompress-job.ts';
import { unpackJob } from './unpack-job.ts';

const port = parentPort;
if (port === null) throw new Error('this program must run in a worker thread');

const say = (word: ThreadMessage) => {
  port.postMessage(word, word.kind === 'chunk' ? [word.bytes.buffer] : []);
};
let heard: ((answer: Answer) => void) | undefined;
port.on('message', (answer: Answer) => heard?.(answer));
const ask = (question?: ThreadMessage): Promise<Answer> => {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  heard = resolve;
  if (question) say(question);
  return promise;
};

const { job, cell } = workerData as Given;
const running = (program: number | 'starting' | undefined) => {
  setProgram(cell, program);
};
try {
  const result =
    job.kind === 'unpack' ? await unpackJob(job, say, ask, running) : await decompressJob(job, ask);
  say({ kind: 'done', result });
} catch (error) {
  say({ kind: 'failed', failure: failureOf(error) });
}
