import type { Environment } from '../../src/core/environment';
import { Majority } from '../../src/core/quorum';
import type { ProtocolSettings } from '../../src/core/replica';

/** As shipped, if nobody asks for anything else. */
export function usualSettings({ members }: Pick<Environment, 'members'>): ProtocolSettings {
  return { quorums: new Majority(members), thrifty: false };
}
