import type { Row } from '../report/row.ts';
import type { Setting } from '../setting/setting.ts';

/** A measurement: one or a few rows that are measured together. */
export interface Figure {
  /** For `--only`. */
  readonly name: string;
  measure(setting: Setting): Promise<Row[]>;
}
