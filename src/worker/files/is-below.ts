/**
 * Whether a path is a folder itself, or lies below it. Both are absolute, and without `.`, `..` and slashes at their ends.
 */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}
