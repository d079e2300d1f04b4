import { ServiceError } from '../../../taskcluster/index.ts';
import { NotDownloadable } from './http-get.ts';

/**
 * Returns why content is not available, for the task's log. Undefined for an error that says nothing about the
 * content.
 */
export function reasonNotFetched(error: unknown): string | undefined {
  return error instanceof NotDownloadable || error instanceof ServiceError ? error.message : undefined;
}
