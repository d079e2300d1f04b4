import { connectCloud } from '../../../src/pool/clouds/index.ts';
import { registrationStore, staticProvider } from '../../../src/pool/registration/index.ts';
import type { Note } from '../../../src/pool/note.ts';
import { Secret } from '../../../src/pulse/index.ts';
import { TASK_QUEUE_ID, WORKER } from '../../local/queue-under-test.ts';
import { STATIC_SECRET } from './pool-under-test.ts';

interface Place {
  readonly file: string;
  readonly proxy: { readonly rootUrl: string };
}

/** Notes of a registration, as they would be logged. */
export function notes() {
  const taken: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  const note: Note = (level, message, fields = {}) => {
    taken.push({ level, message, fields });
  };
  return { note, taken, messages: () => taken.map(({ message }) => message) };
}

const backoff = { baseMs: 20, capMs: 100 };

/** How a static worker joins. */
export function asStatic({ file, proxy }: Place, note: Note, secret = STATIC_SECRET) {
  const identity = { rootUrl: proxy.rootUrl, workerPoolId: TASK_QUEUE_ID, providerId: 'static', ...WORKER };
  const provider = staticProvider({ identity, secret: new Secret(secret) });
  return { provider, store: registrationStore(file, note), note, backoff };
}

/** How a machine of AWS joins. */
export function asMachine({ file }: Place, metadataUrl: string, note: Note) {
  const { provider } = connectCloud('aws', metadataUrl, note);
  return { provider, store: registrationStore(file, note), note, backoff };
}
