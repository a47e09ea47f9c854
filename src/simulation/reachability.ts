import type { ServerId } from '../core/ballot';
import type { Environment } from '../core/environment';
import { HealthWatch } from '../network/peer-health';

export interface WatchedTransport {
  readonly transport: Environment['transport'];
  readonly health: (peer: ServerId) => HealthWatch;
}

/** The transport, watched by the shipped rule for who can be reached. */
export function watchReachability({ members, transport, clock }: Environment): WatchedTransport {
  const watches = members.map(() => new HealthWatch(() => clock.now()));
  const health = (peer: ServerId): HealthWatch => {
    const watch = watches[peer];
    if (watch === undefined) throw new RangeError(`server ${peer} is no member`);
    return watch;
  };
  return {
    health,
    transport: {
      listen: (dispatch) => {
        transport.listen(dispatch);
      },
      call: (to, ...call) => {
        const askedAt = clock.now();
        const answer = transport.call(to, ...call);
        answer.then(
          () => {
            health(to).answered(clock.now() - askedAt);
          },
          () => {
            health(to).failed();
          },
        );
        return answer;
      },
    },
  };
}
