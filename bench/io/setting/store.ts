import { fileURLToPath } from 'node:url';
import { endChild, firstMessage, startNode } from '../../setting/children.ts';

/** A queue and a store of artifacts that do as little as can be. */
export interface Store extends AsyncDisposable {
  readonly url: string;
}

const SCRIPT = fileURLToPath(new URL('store-process.ts', import.meta.url));

/** @param delayMs how long each request waits for its answer */
export async function startStore({ delayMs = 0 } = {}): Promise<Store> {
  const child = startNode([SCRIPT, String(delayMs)], {}, ['ignore', 'inherit', 'inherit', 'ipc']);
  const url = await firstMessage(child, message => (typeof message === 'string' ? message : undefined));
  return { url, [Symbol.asyncDispose]: () => endChild(child) };
}
