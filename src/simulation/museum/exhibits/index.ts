import type { Exhibit } from '../exhibit';
import { ACCEPTORS } from './acceptors';
import { ADOPTION } from './adoption';
import { AROUND } from './around';
import { COUNTING } from './counting';
import { ELECTING } from './electing';
import { LEADING } from './leading';
import { LEASING } from './leasing';
import { LEARNING } from './learning';
import { QUORUMS } from './quorums';

/** The whole collection. */
export const EXHIBITS: readonly Exhibit[] = [
  ...ADOPTION,
  ...ACCEPTORS,
  ...COUNTING,
  ...LEARNING,
  ...QUORUMS,
  ...AROUND,
  ...ELECTING,
  ...LEADING,
  ...LEASING,
];
