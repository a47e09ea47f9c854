import type { Exhibit } from '../exhibit';
import { ACCEPTORS } from './acceptors';
import { ADOPTION } from './adoption';
import { AROUND } from './around';
import { COUNTING } from './counting';
import { ELECTING } from './electing';
import { FORGETTING } from './forgetting';
import { KEEPING } from './keeping';
import { LEADING } from './leading';
import { LEASING } from './leasing';
import { LEARNING } from './learning';
import { LOADING } from './loading';
import { QUORUMS } from './quorums';
import { SLIPS } from './slips';
import { SNAPSHOTS } from './snapshots';

/** The whole collection. */
export const EXHIBITS: readonly Exhibit[] = [
  ...ADOPTION,
  ...ACCEPTORS,
  ...COUNTING,
  ...LEARNING,
  ...QUORUMS,
  ...AROUND,
  ...SNAPSHOTS,
  ...FORGETTING,
  ...KEEPING,
  ...ELECTING,
  ...LEADING,
  ...LEASING,
  ...LOADING,
  ...SLIPS,
];
