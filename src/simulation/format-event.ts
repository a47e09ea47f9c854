import { formatBallot, type Ballot } from '../core/ballot';
import type { ProtocolEvent } from '../core/events';

/** One event of the protocol in one line: `accepted slot=3 ballot=2.1 value=1.1.5`. */
export function formatEvent(event: ProtocolEvent): string {
  const fields = Object.entries<string | number | boolean | Ballot>(event)
    .filter(([name]) => name !== 'kind')
    .map(([name, field]) => `${name}=${typeof field === 'object' ? formatBallot(field) : String(field)}`);
  return [event.kind, ...fields].join(' ');
}
