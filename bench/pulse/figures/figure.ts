import type { Row } from '../../report/row.ts';
import type { PulseSetting } from '../setting.ts';

/** A part of the comparison, with a name to select it. */
export interface PulseFigure {
  readonly name: string;
  measure(setting: PulseSetting): Promise<Row[]>;
}
