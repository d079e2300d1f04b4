/** Downloads of runs. */
export type { Download, DownloadLog, DownloadRequest } from './download.ts';
export { openDownloads, type Downloads, type DownloadsOptions } from './downloads.ts';
export { artifactRequest, indexedRequest, urlRequest } from './locate-content.ts';
export { reasonNotFetched } from './not-fetched.ts';
