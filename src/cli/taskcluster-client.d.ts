// taskcluster-client ships no types. What is declared here is what tcw and its tests use of it.
declare module 'taskcluster-client' {
  import type { Agent as HttpAgent } from 'node:http';
  import type { Agent as HttpsAgent } from 'node:https';

  interface ClientOptions {
    rootUrl: string;
    credentials?: { clientId: string; accessToken: string; certificate?: string };
    /** Milliseconds for each request. */
    timeout?: number;
    retries?: number;
  }

  const taskcluster: {
    Queue: new (options: ClientOptions) => Record<string, (...args: unknown[]) => Promise<unknown>>;
    /** Shared by all clients made without an agent of their own; the properties may be replaced. */
    agents: { http: HttpAgent; https: HttpsAgent };
    slugid(): string;
    fromNow(offset: string, reference?: Date): Date;
  };
  export default taskcluster;
}
