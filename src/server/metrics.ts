import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { ServerId } from '../core/ballot';
import type { ReplicaView } from '../core/replica';
import type { TrafficObserver } from '../network/json-rpc-transport';
import type { SelfCheck } from './self-check';

/** Where the gauges look when they are asked. */
export interface MetricsSource {
  readonly version: string;
  readonly protocol: string;
  replica(): ReplicaView;
  entries(): number;
  isReady(): boolean;
  readonly selfCheck: Pick<SelfCheck, 'isAccepting' | 'blocks' | 'longestBlockMs'>;
  acceptorFailure(): number;
  unansweredAcceptorCalls(): number;
}

const SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** The server's Prometheus metrics. Messages are counted in plain numbers and only labelled when somebody asks. */
export class Metrics implements TrafficObserver {
  readonly registry = new Registry();
  readonly #requests: Histogram;
  readonly #roundTrips: Histogram;
  readonly #failures: Counter;
  readonly #messages = new Map<string, number>();
  readonly #bytes = new Map<string, number>();

  constructor(source: MetricsSource) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Histogram({
      name: 'synod_request_duration_seconds',
      help: "Client calls by method and outcome ('ok' or the error's name).",
      labelNames: ['method', 'outcome'],
      buckets: SECONDS,
      registers,
    });
    this.#roundTrips = new Histogram({
      name: 'synod_peer_round_trip_seconds',
      help: 'Requests to peers that were answered; one request carries many calls.',
      labelNames: ['peer'],
      buckets: SECONDS,
      registers,
    });
    this.#failures = new Counter({
      name: 'synod_peer_send_failures_total',
      help: 'Requests to peers that were not answered.',
      labelNames: ['peer'],
      registers,
    });
    this.#sums(
      'synod_messages_total',
      'Messages between servers.',
      ['type', 'kind', 'direction'],
      this.#messages,
    );
    this.#sums(
      'synod_message_bytes_total',
      'Bytes of the calls sent to peers.',
      ['type', 'kind', 'direction'],
      this.#bytes,
    );
    this.#gauges(source);
    new Counter({
      name: 'synod_event_loop_blocks_total',
      help: 'Times that the event loop did not run for longer than the election time (600 ms).',
      registers,
      collect() {
        this.reset();
        this.inc(source.selfCheck.blocks);
      },
    });
    new Gauge({
      name: 'synod_build_info',
      help: 'Always 1; version and protocol are in the labels.',
      labelNames: ['version', 'protocol'],
      registers,
    }).set({ version: source.version, protocol: source.protocol }, 1);
  }

  request(method: string, outcome: string, durationMs: number): void {
    this.#requests.observe({ method, outcome }, durationMs / 1000);
  }

  message(direction: 'sent' | 'received', method: string, kind: 'request' | 'answer', bytes: number): void {
    const labels = `${method} ${kind} ${direction}`;
    this.#messages.set(labels, (this.#messages.get(labels) ?? 0) + 1);
    if (bytes > 0) this.#bytes.set(labels, (this.#bytes.get(labels) ?? 0) + bytes);
  }

  roundTrip(peer: ServerId, durationMs: number): void {
    this.#roundTrips.observe({ peer }, durationMs / 1000);
  }

  failure(peer: ServerId): void {
    this.#failures.inc({ peer });
  }

  #sums(name: string, help: string, labelNames: string[], sums: ReadonlyMap<string, number>): void {
    new Counter({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [labels, sum] of sums) {
          const values = labels.split(' ');
          this.inc(Object.fromEntries(labelNames.map((label, i) => [label, values[i] ?? ''])), sum);
        }
      },
    });
  }

  #gauges(source: MetricsSource): void {
    const gauges: [name: string, help: string, read: () => number][] = [
      ['synod_applied_slot', 'All slots up to this one are applied.', () => source.replica().applied],
      [
        'synod_highest_chosen_slot',
        'The highest slot known to be chosen.',
        () => source.replica().highestChosen,
      ],
      ['synod_floor_slot', 'The lowest slot still kept in the log.', () => source.replica().floor],
      ['synod_operations_pending', 'Operations in progress on this server.', () => source.replica().pending],
      ['synod_store_entries', 'Keys in the store.', () => source.entries()],
      ['synod_ready', '1 while /readyz says 200.', () => Number(source.isReady())],
      [
        'synod_accepting_connections',
        '1 while the server can accept connections.',
        () => Number(source.selfCheck.isAccepting),
      ],
      [
        'synod_event_loop_longest_block_seconds',
        'The longest time since the start in which the event loop did not run.',
        () => source.selfCheck.longestBlockMs / 1000,
      ],
      [
        'synod_acceptor_failure_ratio',
        'Share of acceptor calls left unanswered on purpose.',
        () => source.acceptorFailure(),
      ],
      [
        'synod_acceptor_calls_unanswered',
        'Acceptor calls left unanswered on purpose since the start.',
        () => source.unansweredAcceptorCalls(),
      ],
    ];
    for (const [name, help, read] of gauges)
      new Gauge({
        name,
        help,
        registers: [this.registry],
        collect() {
          this.set(read());
        },
      });
  }
}
