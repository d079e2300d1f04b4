import type { ConfigWarning, Settings, Source } from '../source.ts';

/**
 * Drops a certificate that comes from a lower source than the access token. A certificate is valid for one access token
 * only, so a certificate left over in a shell or a file would make every call fail.
 */
export function withoutForeignCertificate(
  settings: Settings,
  sources: readonly Source[],
): [Settings, readonly ConfigWarning[]] {
  const rank = (name: string) => sources.findLastIndex(source => source.settings.has(name));
  const certificate = settings.get('certificate');
  const token = settings.get('accessToken');
  if (!certificate || !token || rank('certificate') >= rank('accessToken')) return [settings, []];
  const message = `certificate is ignored: it belongs to another access token than the one from ${token.place}`;
  return [
    new Map([...settings].filter(([name]) => name !== 'certificate')),
    [{ property: 'certificate', place: certificate.place, message }],
  ];
}
