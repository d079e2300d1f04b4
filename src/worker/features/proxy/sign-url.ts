import type { IncomingMessage, ServerResponse } from 'node:http';
import { bewitUrl } from '../../../taskcluster/index.ts';
import type { Signer } from './call-service.ts';
import { OWN_HEADERS, Refusal } from './refusal.ts';
import { readBody } from './request-body.ts';

/** Lifetime of a signed URL. */
const LIFETIME_SECS = 3_600;
/** Limit for a URL, in bytes. */
const LONGEST_URL = 16 * 1024;

/**
 * Answers `/bewit`: the body is a URL of the deployment, and the answer redirects the task to the same URL,
 * signed.
 *
 * @throws Refusal
 */
export async function signUrl(
  request: IncomingMessage,
  response: ServerResponse,
  { credentials, authorizedScopes }: Signer,
  origin: URL,
): Promise<void> {
  const text = (await readBody(request, response, LONGEST_URL)).toString().trim();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.origin !== origin.origin || url.username !== '' || url.password !== '') {
    throw new Refusal(
      400,
      'InvalidUrl',
      `the body of a request to /bewit must be a URL that begins with ${origin.origin}/`,
    );
  }
  const signed = bewitUrl({
    url,
    credentials: credentials(),
    authorizedScopes,
    lifetimeSecs: LIFETIME_SECS,
  });
  response.writeHead(303, {
    ...OWN_HEADERS,
    location: signed.href,
    'content-type': 'text/plain; charset=utf-8',
  });
  response.end(signed.href);
}
