// taskcluster-client ships no types. This declares the parts that tcw and its tests use.
declare module 'taskcluster-client' {
  import type { Agent as HttpAgent } from 'node:http';
  import type { Agent as HttpsAgent } from 'node:https';

  interface ClientOptions {
    rootUrl: string;
    credentials?: { clientId: string; accessToken: string; certificate?: string };
    /** Time limit for each request, in ms. */
    timeout?: number;
    retries?: number;
  }

  const taskcluster: {
    Queue: new (options: ClientOptions) => Record<string, (...args: unknown[]) => Promise<unknown>>;
    /** The agents of all clients that are made without an agent; the properties may be replaced. */
    agents: { http: HttpAgent; https: HttpsAgent };
    slugid(): string;
    fromNow(offset: string, reference?: Date): Date;
  };
  export default taskcluster;
}
