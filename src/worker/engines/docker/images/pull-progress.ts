import type { EngineMessage } from './engine-messages.ts';

/** Progress of a pull. */
export interface PullProgress {
  add(word: EngineMessage): void;
  /** `3 of 5 layers, 120 of 300 MB` */
  text(): string;
}

interface Layer {
  current: number;
  total: number;
  isThere: boolean;
}

const MB = 1_000_000;
/** A layer that is complete. */
const THERE = new Set(['Download complete', 'Pull complete', 'Already exists', 'Extracting']);

/** Sums up the engine's messages about each layer. */
export function pullProgress(): PullProgress {
  const layers = new Map<string, Layer>();
  return {
    add: ({ id, status = '', progressDetail: { current, total } = {} }) => {
      if (id === undefined || status.startsWith('Pulling from ')) return;
      const layer = layers.get(id) ?? { current: 0, total: 0, isThere: false };
      layers.set(id, layer);
      if (status === 'Downloading') {
        layer.current = current ?? layer.current;
        layer.total = total ?? layer.total;
      } else if (THERE.has(status)) {
        layer.isThere = true;
        layer.current = layer.total;
      }
    },
    text: () => {
      const all = [...layers.values()];
      const sum = (of: (layer: Layer) => number) => all.reduce((total, layer) => total + of(layer), 0);
      const there = all.filter(({ isThere }) => isThere).length;
      return `${there} of ${all.length} layers, ${megabytes(sum(({ current }) => current))} of ${megabytes(sum(({ total }) => total))} MB`;
    },
  };
}

export function megabytes(bytes: number): string {
  return String(Math.round(bytes / MB));
}
