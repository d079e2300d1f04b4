import { format } from 'prettier';
import {
  expectation,
  OBSOLETE_PROPERTIES,
  PROPERTY_GROUPS,
  type Property,
} from '../../src/worker/config/index.ts';
import { variableName } from '../../src/cli/config/spelling.ts';

/** The part of docs/configuration.md that lists the properties, as the table of properties has it. */
export async function documentedProperties(): Promise<string> {
  const groups = PROPERTY_GROUPS.map(({ title, properties }) =>
    [
      `### ${title}`,
      '',
      '| property | variable | must be | default | what it is |',
      '| --- | --- | --- | --- | --- |',
      ...Object.entries(properties).map(([name, property]) => row(name, property)),
    ].join('\n'),
  );
  const obsolete = [
    '### Obsolete',
    '',
    '| property | replaced by |',
    '| --- | --- |',
    ...[...OBSOLETE_PROPERTIES].map(([name, { replacedBy }]) => `| \`${name}\` | ${replacedBy} |`),
  ].join('\n');
  return (await format([...groups, obsolete].join('\n\n'), { parser: 'markdown' })).trim();
}

function row(name: string, property: Property): string {
  const marks = [
    ...(property.secret ? ['Secret.'] : []),
    ...(property.since === 'tcw' ? ["tcw's own."] : []),
  ];
  const cells = [
    `\`${name}\``,
    `\`${variableName(name)}\``,
    expectation(property),
    byDefault(property),
    [`${property.description}.`, ...marks].join(' '),
  ];
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function byDefault(property: Property): string {
  if (property.required) return 'required';
  // Too long for a cell.
  if (property.keys) return 'see `tcw show-config-schema`';
  return property.default === undefined ? '' : `\`${JSON.stringify(property.default)}\``;
}
