/** Questions to the process that opens the files of a run, each a line of JSON. */
export type FilesQuestion =
  | { readonly id: number; readonly ask: 'open'; readonly path: string }
  /** The worker has opened the file by now. */
  | { readonly id: number; readonly ask: 'close'; readonly descriptor: number }
  /** The next paths of a walk. The first question with its number begins the walk. */
  | { readonly id: number; readonly ask: 'walk'; readonly walk: number; readonly path: string };

/** Answers, each a line of JSON. */
export type FilesAnswer =
  | { readonly id: number; readonly kind: 'file'; readonly descriptor: number; readonly file: string }
  | { readonly id: number; readonly kind: 'directory' | 'missing' | 'outside' | 'neither' | 'closed' }
  | {
      readonly id: number;
      readonly kind: 'unreadable' | 'failed';
      readonly message: string;
      readonly code?: string | undefined;
    }
  | {
      readonly id: number;
      readonly kind: 'paths';
      readonly paths: readonly string[];
      readonly done: boolean;
    };

/** Paths per answer. */
export const PATHS_AT_ONCE = 256;

/**
 * Encodes a line. Line readers also split at U+2028 and U+2029, which a task can have in a name and JSON leaves unescaped.
 */
export function lineOf(words: FilesQuestion | FilesAnswer): string {
  const text = JSON.stringify(words).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  return `${text}\n`;
}
