import { fileURLToPath } from 'node:url';
import { endChild, firstMessage, startNode } from '../../setting/children.ts';

/** A queue and an artifact store that do as little as possible. */
export interface Store extends AsyncDisposable {
  readonly url: string;
}

const SCRIPT = fileURLToPath(new URL('store-process.ts', import.meta.url));

/** @param delayMs the delay of each response */
export async function startStore({ delayMs = 0 } = {}): Promise<Store> {
  const child = startNode([SCRIPT, String(delayMs)], {}, ['ignore', 'inherit', 'inherit', 'ipc']);
  const url = await firstMessage(child, message => (typeof message === 'string' ? message : undefined));
  return { url, [Symbol.asyncDispose]: () => endChild(child) };
}
