/** Whether a path is a folder or is below it. Both are absolute, without `.`, `..` and trailing slashes. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}
