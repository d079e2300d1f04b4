/** What outlives a run (caches and downloads), and what removes it when the disk gets full. */
export { openCaches, type Caches, type CachesOptions, type TakenCache } from './caches.ts';
export type { Collector, Store } from './collector.ts';
export { diskCollector, type DiskCollector, type KeptInStore } from './disk-collector.ts';
export { diskSpace } from './disk-space.ts';
export { openedOnce } from './opened-once.ts';
export { purgeRequests } from './purge-requests.ts';
export {
  artifactRequest,
  indexedRequest,
  openDownloads,
  reasonNotFetched,
  urlRequest,
  type DownloadLog,
  type DownloadRequest,
  type Downloads,
} from './downloads/index.ts';
