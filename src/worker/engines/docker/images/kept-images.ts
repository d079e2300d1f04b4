import type { DockerClient } from '../api/index.ts';
import type { Unused } from '../../../stores/collector.ts';
import { inspectImage, keepImage, keptNames, removeName, type Inspected } from './engine-images.ts';
import { described, formerName, textOf, type KeptName } from './kept-name.ts';

/** An image in use. */
export interface Hold extends AsyncDisposable {
  /** The image that the engine has under the name; undefined if there is none. */
  readonly found: Inspected | undefined;
}

/** tcw's images in an engine. */
export interface KeptImages {
  /** Finds an image and protects it from removal. If there is no image, disposal does nothing. */
  hold(name: KeptName, signal: AbortSignal): Promise<Hold>;
  /** Has the engine keep an image under a name. The former image of that name stays for runs that use it. */
  keep(name: KeptName, id: string): Promise<void>;
  unused(): readonly Unused[];
  /** Settles when the engine has recorded all last uses. */
  settled(): Promise<unknown>;
}

interface Entry {
  name: KeptName;
  /** Undefined until it is known. */
  image: Pick<Inspected, 'id' | 'bytes'> | undefined;
  lastUsedMs: number;
  users: number;
  removal: Promise<unknown> | undefined;
  /** Settles when the engine has recorded the last use. */
  noted: Promise<unknown> | undefined;
}

/** How many images are inspected in parallel when a worker starts. */
const AT_ONCE = 8;

/** Finds tcw's images in the engine, whichever worker brought them. */
export async function keptImages(client: DockerClient): Promise<KeptImages> {
  const entries = new Map<string, Entry>();
  const underWay = new Set<Promise<unknown>>();

  const entryOf = (name: KeptName): Entry => {
    const text = textOf(name);
    const entry = entries.get(text) ?? {
      name,
      image: undefined,
      lastUsedMs: 0,
      users: 0,
      removal: undefined,
      noted: undefined,
    };
    entries.set(text, entry);
    return entry;
  };

  const names = [...(await keptNames(client))];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const found = await inspectImage(client, textOf(name));
        if (found)
          Object.assign(entryOf(name), { image: found, lastUsedMs: Math.min(found.taggedMs, Date.now()) });
      }
    }),
  );

  let lastNote: Promise<unknown> = Promise.resolve();
  const release = (entry: Entry) => {
    entry.users--;
    const { image, name } = entry;
    if (!image || entry.users > 0 || entries.get(textOf(name)) !== entry) {
      if (!image && entry.users === 0) entries.delete(textOf(name));
      return;
    }
    entry.lastUsedMs = Date.now();
    // The engine records when an image was tagged. Later workers read the time of the last use from that.
    // One after the other, so that the times have the order of the uses.
    const noted = lastNote.then(() => noteUse(client, image.id, name)).catch(() => undefined);
    lastNote = entry.noted = noted;
    underWay.add(noted);
    void noted.finally(() => underWay.delete(noted));
  };

  const remove = async (entry: Entry): Promise<boolean> => {
    // A pending tag call would restore the name.
    await entry.noted;
    const isGone = await removeName(client, textOf(entry.name));
    if (isGone) entries.delete(textOf(entry.name));
    return isGone;
  };

  return {
    hold: async (name, signal) => {
      let entry = entryOf(name);
      while (entry.removal) {
        await entry.removal.catch(() => undefined);
        entry = entryOf(name);
      }
      entry.users++;
      let found: Inspected | undefined;
      try {
        found = await inspectImage(client, textOf(name), signal);
        entry.image = found;
      } finally {
        if (!found) release(entry);
      }
      let isReleased = !found;
      return {
        found,
        [Symbol.asyncDispose]: async () => {
          if (!isReleased) release(entry);
          isReleased = true;
        },
      };
    },
    keep: async (name, id) => {
      const image = await inspectImage(client, textOf(name));
      const before = entryOf(name);
      if (image && image.id !== id) {
        // Without a name, the old image would never be removed.
        const former = formerName(image.id);
        await keepImage(client, image.id, former);
        entries.delete(textOf(name));
        entries.set(textOf(former), Object.assign(before, { name: former, image }));
      }
      await before.noted;
      await keepImage(client, id, name);
      const { bytes = 0 } = (await inspectImage(client, id)) ?? {};
      Object.assign(entryOf(name), { image: { id, bytes }, lastUsedMs: Date.now() });
    },
    unused: () =>
      [...entries.values()]
        .filter(({ users, image, removal }) => users === 0 && image !== undefined && removal === undefined)
        .map(entry => ({
          bytes: entry.image?.bytes ?? 0,
          lastUsedMs: entry.lastUsedMs,
          description: described(entry.name),
          remove: async () => {
            const isKnown = entries.get(textOf(entry.name)) === entry;
            if (!isKnown || entry.users > 0 || entry.removal) return false;
            const removal = remove(entry);
            entry.removal = removal;
            try {
              return await removal;
            } finally {
              entry.removal = undefined;
            }
          },
        })),
    settled: () => Promise.all(underWay),
  };
}

/** Another worker may have given the name to another image meanwhile. That image keeps it. */
async function noteUse(client: DockerClient, id: string, name: KeptName): Promise<void> {
  const found = await inspectImage(client, textOf(name));
  if (found?.id === id) await keepImage(client, id, name);
}
