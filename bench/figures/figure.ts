import type { Row } from '../report/row.ts';
import type { Setting } from '../setting/setting.ts';

/** Something to measure: one or a few rows that are taken together. */
export interface Figure {
  /** For `--only`. */
  readonly name: string;
  measure(setting: Setting): Promise<Row[]>;
}
