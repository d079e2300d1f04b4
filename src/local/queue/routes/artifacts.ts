import type { QueueApi } from '../../../taskcluster/index.ts';
import { bucketFor } from '../../storage/signed-urls.ts';
import { ApiError } from '../../errors.ts';
import type { Call, Handlers } from '../../http/call.ts';
import { pageOf, type PageQuery } from '../../http/pages.ts';
import { downloadGrant, uploadGrant } from '../../auth/temporary-credentials.ts';
import { createArtifact } from '../operations/create-artifact.ts';
import { finishArtifact } from '../operations/finish-artifact.ts';
import { findArtifact, latestRunId, type FoundArtifact } from '../operations/find-artifact.ts';
import type { Queue } from '../queue.ts';
import { describeArtifact, isPresent } from '../tasks/artifact.ts';
import { isoTime } from '../../times.ts';

const MINUTE = 60_000;
/** How long an upload may start. */
const PUT_URL_LIFE = 45 * MINUTE;
/** How long the URL of a private artifact is valid. */
const GET_URL_LIFE = 30 * MINUTE;

/**
 * A reference may be any URI. URIs that a browser would execute, or that would open a file, are not redirected
 * to.
 *
 * @throws ApiError `InputError`
 */
function webUrl(url: string): string {
  const { protocol } = URL.parse(url) ?? {};
  if (protocol === 'http:' || protocol === 'https:') return url;
  throw new ApiError('InputError', 'The artifact is a reference, and leads to no http or https URL');
}

/** Longer names are accepted, but cannot be listed. */
const LONGEST_LISTED_NAME = 1_024;

type Download = Call<QueueApi['getLatestArtifact']>;

/** The calls about artifacts. */
export function artifactCalls(queue: Queue): Handlers<QueueApi> {
  const { artifacts, urls, clock, store } = queue;

  function urlOf({ name, content }: FoundArtifact): string {
    if (content.storageType === 'error') throw new Error('an error has no URL');
    if (content.storageType === 'reference') return webUrl(content.url);
    if (content.storageType === 'object') {
      const object = { method: 'GET', bucket: 'object-bucket', key: content.name } as const;
      return urls.sign(object, clock.now() + GET_URL_LIFE);
    }
    const url = { method: 'GET', bucket: bucketFor(name), key: content.key } as const;
    return url.bucket === 'public-bucket' ? urls.unsigned(url) : urls.sign(url, clock.now() + GET_URL_LIFE);
  }

  function find(
    taskId: string,
    runId: number,
    name: string,
    authorize: Call<QueueApi['getArtifact']>['authorize'],
  ) {
    return findArtifact(queue, taskId, runId, name, names => authorize({ names }));
  }

  /**
   * The content of an artifact is elsewhere, so the answer is a redirect. The answer for an error artifact is
   * its reason.
   */
  async function download(runId: number, { params, authorize, answerWith }: Download) {
    const found = await find(params.taskId, runId, params.name, authorize);
    const { storageType } = found.content;
    const headers = { 'x-taskcluster-artifact-storage-type': storageType };
    if (found.content.storageType === 'error') {
      answerWith(424, headers);
      const { reason, message } = found.content;
      // The references describe only the redirect.
      return { reason, message } as never;
    }
    const url = urlOf(found);
    answerWith(303, { ...headers, location: url });
    return { storageType, url };
  }

  async function content(runId: number, { params, authorize }: Call<QueueApi['latestArtifact']>) {
    const found = await find(params.taskId, runId, params.name, authorize);
    const { storageType } = found.content;
    if (storageType === 'error') return found.content;
    if (storageType !== 'object') return { storageType, url: urlOf(found) };
    const { name } = found.content;
    return { storageType, name, credentials: queue.issue(downloadGrant(name, clock.now())) };
  }

  function list(taskId: string, runId: number, query: PageQuery) {
    const { items, ...rest } = pageOf(artifacts.list(taskId, runId), query);
    if (items.some(({ name }) => name.length > LONGEST_LISTED_NAME)) {
      throw new Error('the schema of the list has no place for such a name, so the real queue breaks here');
    }
    return { artifacts: items.map(describeArtifact), ...rest };
  }

  function information(taskId: string, runId: number, name: string) {
    const artifact = artifacts.find(taskId, runId, name);
    if (!artifact || !isPresent(artifact)) throw new ApiError('ResourceNotFound', 'Artifact not found');
    return describeArtifact(artifact);
  }

  return {
    async createArtifact({ params, body }) {
      const { taskId, runId, name } = params;
      const { content, contentType, ...artifact } = await createArtifact(
        queue,
        taskId,
        Number(runId),
        name,
        body,
      );
      if (content.storageType === 'object') {
        const { projectId, runs } = store.get(taskId);
        const { workerGroup = '', workerId = '' } = runs[Number(runId)] ?? {};
        const run = { taskId, runId: Number(runId), workerGroup, workerId };
        const object = { name: content.name, projectId };
        return {
          storageType: content.storageType,
          ...object,
          uploadId: content.uploadId,
          expires: isoTime(artifact.expires),
          credentials: queue.issue(uploadGrant(object, run, clock.now())),
        };
      }
      if (content.storageType !== 's3') return { storageType: content.storageType };
      const expires = clock.now() + PUT_URL_LIFE;
      const putUrl = urls.sign({ method: 'PUT', bucket: bucketFor(name), key: content.key }, expires);
      return { storageType: 's3', contentType, expires: isoTime(expires), putUrl };
    },

    async finishArtifact({ params: { taskId, runId, name }, body: { uploadId } }) {
      await finishArtifact(queue, taskId, Number(runId), name, uploadId);
      return undefined;
    },

    getArtifact: call => download(Number(call.params.runId), call),

    async getLatestArtifact(call) {
      const { taskId, name } = call.params;
      await call.authorize({ names: [name] });
      return download(latestRunId(queue, taskId), call);
    },

    artifact: call => content(Number(call.params.runId), call),

    async latestArtifact(call) {
      const { taskId, name } = call.params;
      await call.authorize({ names: [name] });
      return content(latestRunId(queue, taskId), call);
    },

    listArtifacts({ params: { taskId, runId }, query }) {
      if (Number(runId) > latestRunId(queue, taskId)) {
        throw new ApiError('ResourceNotFound', `Run ${runId} not found on task \`${taskId}\`.`);
      }
      return list(taskId, Number(runId), query);
    },

    listLatestArtifacts: ({ params: { taskId }, query }) => list(taskId, latestRunId(queue, taskId), query),

    artifactInfo: ({ params: { taskId, runId, name } }) => information(taskId, Number(runId), name),

    latestArtifactInfo: ({ params: { taskId, name } }) =>
      information(taskId, latestRunId(queue, taskId), name),
  };
}
