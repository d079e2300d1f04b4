import hawk from 'hawk';

import { isScope, satisfies } from '../../base/index.ts';
import { checkCertificate, temporaryToken } from './certificate.ts';
import type { ExpandScopes } from './roles.ts';
import type { LocalClient } from './temporary-credentials.ts';

/** A caller, and what that caller may do. */
export type Caller =
  | { readonly kind: 'anonymous'; readonly scopes: readonly string[] }
  | {
      readonly kind: 'client';
      readonly clientId: string;
      readonly scopes: readonly string[];
      /** The hash of the signed body, if the body was signed. */
      readonly payloadHash?: string | undefined;
    }
  | { readonly kind: 'unknown'; readonly why: string };

export interface SignedRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  readonly headers: {
    readonly host?: string | undefined;
    readonly authorization?: string | undefined;
  };
}

/**
 * Determines who signed a request, before its body is read. It never rejects: a bad signature makes the caller
 * `unknown`. {@link hasPayload} checks whether the body is the signed one.
 */
export type Authenticate = (request: SignedRequest) => Promise<Caller>;

interface AuthenticateOptions {
  readonly clients: readonly LocalClient[];
  readonly expand: ExpandScopes;
  /**
   * The clock for the expiry of certificates. Signatures are made with the caller's clock, and compared with
   * the machine's.
   */
  readonly now: () => number;
}

/** As large as in Taskcluster, whose callers' clocks were found to be wrong. */
const CLOCK_SKEW_SECONDS = 15 * 60;
const BEWIT = /[?&]bewit=([\w-]*)/;

export function createAuthenticate({ clients, expand, now }: AuthenticateOptions): Authenticate {
  /** Everybody has the role `anonymous`, even callers without a signature. */
  const allScopes = (scopes: readonly string[]): readonly string[] => expand([...scopes, 'assume:anonymous']);
  const byClientId = new Map(clients.map(client => [client.clientId, client]));

  function find(clientId: string): LocalClient {
    const client = byClientId.get(clientId);
    if (!client) throw new Error(`There is no client ${clientId}`);
    return client;
  }

  /** Returns the key that must have signed a request of this client, and its scopes. */
  function lookUp(clientId: string, ext: string | undefined): { key: string; scopes: readonly string[] } {
    if (ext === undefined) {
      const { accessToken, scopes } = find(clientId);
      return { key: accessToken.reveal(), scopes };
    }
    const { certificate, authorizedScopes } = parseExt(ext);
    const issuer = find(issuerOf(certificate, clientId));
    let key = issuer.accessToken.reveal();
    let scopes: readonly string[] = expand(issuer.scopes);
    if (certificate !== undefined) {
      const checked = checkCertificate(certificate, clientId, { ...issuer, scopes, accessToken: key }, now());
      key = temporaryToken(checked.seed, key);
      ({ scopes } = checked);
    }
    if (authorizedScopes !== undefined) {
      if (!satisfies(allScopes(scopes), { AllOf: authorizedScopes })) {
        throw new Error('ext.authorizedScopes has scopes that the credentials have not');
      }
      scopes = authorizedScopes;
    }
    return { key, scopes };
  }

  const credentialsOf = (ext: string | undefined) => async (clientId: string) => {
    const { key, scopes } = lookUp(clientId, ext);
    return { key, algorithm: 'sha256' as const, clientId, scopes: [...allScopes(scopes)] };
  };

  async function verify(request: SignedRequest): Promise<Caller> {
    const { method, url, headers } = request;
    const bewit = BEWIT.exec(url)?.[1];
    if (headers.authorization === undefined && bewit === undefined) {
      return { kind: 'anonymous', scopes: allScopes([]) };
    }
    const host = hawk.utils.parseHost({ headers });
    if (!host) throw new Error('The Host header is missing');
    const signed = { method, url, host: host.name, port: host.port };
    if (headers.authorization === undefined) {
      const { credentials } = await hawk.uri.authenticate(signed, credentialsOf(extOfBewit(bewit ?? '')));
      return { kind: 'client', clientId: credentials.clientId, scopes: credentials.scopes };
    }
    if (bewit !== undefined) throw new Error('A request is signed by a header or by a bewit, not by both');
    const { authorization } = headers;
    const { credentials, artifacts } = await hawk.server.authenticate(
      { ...signed, authorization },
      credentialsOf(hawk.utils.parseAuthorizationHeader(authorization).ext),
      { timestampSkewSec: CLOCK_SKEW_SECONDS },
    );
    const { clientId, scopes } = credentials;
    return { kind: 'client', clientId, scopes, payloadHash: artifacts.hash };
  }

  return async request =>
    verify(request).catch((error: unknown) => ({ kind: 'unknown', why: reasonOf(error) }));
}

/** Whether a caller signed this body, or no body. */
export function hasPayload(caller: Caller, text: string, contentType = ''): boolean {
  if (caller.kind !== 'client' || caller.payloadHash === undefined) return true;
  return caller.payloadHash === hawk.crypto.calculatePayloadHash(text, 'sha256', contentType);
}

function parseExt(text: string): { certificate?: unknown; authorizedScopes?: readonly string[] } {
  let ext: { certificate?: unknown; authorizedScopes?: unknown };
  try {
    ext = JSON.parse(Buffer.from(text, 'base64').toString()) as typeof ext;
  } catch {
    throw new Error('ext is not JSON in base64');
  }
  const { certificate, authorizedScopes } = ext;
  if (authorizedScopes === undefined) return { certificate };
  if (!Array.isArray(authorizedScopes) || !authorizedScopes.every(isScope)) {
    throw new Error('ext.authorizedScopes is not a list of scopes');
  }
  return { certificate, authorizedScopes };
}

function issuerOf(certificate: unknown, clientId: string): string {
  const issuer = (certificate as { issuer?: unknown } | null | undefined)?.issuer;
  if (issuer === undefined) return clientId;
  if (typeof issuer !== 'string') throw new Error('ext.certificate.issuer is not a string');
  if (issuer === clientId) throw new Error('ext.certificate.issuer is the client itself');
  return issuer;
}

/** A bewit is `clientId\expiry\mac\ext`, in base64. */
function extOfBewit(bewit: string): string | undefined {
  const [, , , ext] = Buffer.from(bewit, 'base64url').toString().split('\\');
  return ext === '' ? undefined : ext;
}

/** Returns the reason in a Hawk error, which is in the payload of an answer. */
function reasonOf(error: unknown): string {
  const { message, isServer, output } = error as Error & {
    isServer?: boolean;
    output?: { payload: { error: string; message?: string } };
  };
  if (output === undefined || isServer === true) return message;
  const { payload } = output;
  return payload.message === undefined ? payload.error : `${payload.error}: ${payload.message}`;
}
