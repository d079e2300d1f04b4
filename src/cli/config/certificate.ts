import type { ConfigWarning, Settings, Source } from './source.ts';

/**
 * A certificate belongs to one access token. With a token from a higher source, one that was left in a shell or
 * a file would only make every call fail, so it does not count.
 */
export function withoutForeignCertificate(
  settings: Settings,
  sources: readonly Source[],
): [Settings, readonly ConfigWarning[]] {
  const rank = (name: string) => sources.findLastIndex(source => source.settings.has(name));
  const certificate = settings.get('certificate');
  const token = settings.get('accessToken');
  if (!certificate || !token || rank('certificate') >= rank('accessToken')) return [settings, []];
  const message = `certificate does not count: it belongs to another access token than that of ${token.place}`;
  return [
    new Map([...settings].filter(([name]) => name !== 'certificate')),
    [{ property: 'certificate', place: certificate.place, message }],
  ];
}
