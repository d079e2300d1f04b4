/** Types for the part of `hawk` 9 that is used here. The package ships no types. */
declare module 'hawk' {
  interface Credentials {
    readonly key: string;
    readonly algorithm: 'sha256';
  }

  type Uri = Readonly<Record<'protocol' | 'hostname' | 'port' | 'pathname', string>>;

  interface Request {
    readonly method: string;
    /** The path and query, as they were sent. */
    readonly url: string;
    readonly host: string;
    readonly port: number | string;
    readonly authorization?: string;
  }

  type Lookup<C extends Credentials> = (id: string) => Promise<C>;

  const hawk: {
    readonly client: {
      header(
        uri: Uri,
        method: string,
        options: { credentials: Credentials & { readonly id: string }; ext: string | undefined },
      ): { header: string };
    };
    readonly server: {
      authenticate<C extends Credentials>(
        request: Request,
        lookup: Lookup<C>,
        options: { timestampSkewSec: number },
      ): Promise<{ credentials: C; artifacts: { hash?: string } }>;
    };
    readonly uri: {
      authenticate<C extends Credentials>(request: Request, lookup: Lookup<C>): Promise<{ credentials: C }>;
      getBewit(
        uri: string | Uri,
        options: {
          credentials: Credentials & { readonly id: string };
          ttlSec: number;
          ext?: string | undefined;
        },
      ): string;
    };
    readonly crypto: {
      calculatePayloadHash(payload: string, algorithm: 'sha256', contentType: string): string;
    };
    readonly utils: {
      parseAuthorizationHeader(header: string): { ext?: string };
      parseHost(request: { headers: object }): { name: string; port: number | string } | null;
    };
  };
  export default hawk;
}
