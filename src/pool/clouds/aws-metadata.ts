import { MetadataError, type MetadataService, type Question } from './metadata-service.ts';

const TOKEN_TTL_SECS = 21_600;
/** A token is replaced when it expires within this time, in ms. */
const RENEW_MS = 15 * 60_000;

/**
 * AWS's instance metadata service, version 2. Each request carries a token, which the client gets with a PUT request.
 *
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
export function awsMetadata(
  service: MetadataService,
  now: () => number = () => performance.now(),
): MetadataService {
  let token: { readonly text: string; readonly until: number } | undefined;

  async function tokenBy(ask: MetadataService['ask'], signal: AbortSignal): Promise<string> {
    if (token && token.until - now() > RENEW_MS) return token.text;
    const text = await ask(
      {
        method: 'PUT',
        path: '/latest/api/token',
        headers: { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_TTL_SECS) },
      },
      signal,
    );
    if (text === undefined || !/^[\x21-\x7e]{1,1000}$/.test(text))
      throw new MetadataError('the answer is not a token');
    token = { text, until: now() + TOKEN_TTL_SECS * 1_000 };
    return text;
  }

  const withToken =
    (ask: MetadataService['ask']) =>
    async (question: Question, signal: AbortSignal): Promise<string | undefined> => {
      const headers = { ...question.headers, 'x-aws-ec2-metadata-token': await tokenBy(ask, signal) };
      try {
        return await ask({ ...question, headers }, signal);
      } catch (error) {
        // The token dates from before a hibernation, or was revoked.
        if (error instanceof MetadataError && error.statusCode === 401) token = undefined;
        throw error;
      }
    };
  return { ask: withToken(service.ask), askWithRetries: withToken(service.askWithRetries) };
}
