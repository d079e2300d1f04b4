/** What the worker asks the process that looks at the files of a run: one line of JSON for each. */
export type FilesQuestion =
  | { readonly id: number; readonly ask: 'open'; readonly path: string }
  /** The file is open elsewhere by now. */
  | { readonly id: number; readonly ask: 'close'; readonly descriptor: number }
  /** The next paths of a walk, which begins with the first question of its number. */
  | { readonly id: number; readonly ask: 'walk'; readonly walk: number; readonly path: string };

/** What that process answers: one line for each question. */
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

/** So many paths are told at a time. */
export const PATHS_AT_ONCE = 256;

/** One line for either side. A reader of lines ends them at U+2028 and U+2029, too, which a task can have in a name, and JSON leaves as they are. */
export function lineOf(words: FilesQuestion | FilesAnswer): string {
  const text = JSON.stringify(words).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  return `${text}\n`;
}
