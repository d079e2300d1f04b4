/** The event of a worker whose disk has no room for a task. */
export const shortOfDisk = {
  type: 'disk-short',
  folder: '/',
  freeBytes: 1,
  totalBytes: 2,
  requiredBytes: 3,
} as const;
