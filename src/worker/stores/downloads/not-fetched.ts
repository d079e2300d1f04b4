import { ServiceError } from '../../../taskcluster/index.ts';
import { NotDownloadable } from './http-get.ts';

/** Why content cannot be had, for the task's log; undefined for an error that says nothing about the content. */
export function reasonNotFetched(error: unknown): string | undefined {
  return error instanceof NotDownloadable || error instanceof ServiceError ? error.message : undefined;
}
