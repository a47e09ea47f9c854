import type { Slot } from '../../core/ballot';
import type { Clock } from '../../core/environment';
import { CallError } from '../../core/errors';
import { gather } from '../../core/gather';
import { RoundTrip } from '../../core/round-trip';
import type { StateRecord } from '../../core/state-machine';
import type { LearnerService, SnapshotAnswer, SnapshotPiece, SnapshotRequest } from './messages';
import { StateDigest } from './state-digest';

const IDLE_MS = 10_000;
/** How often an asker that still writes what it has got says so. */
const USE_MS = IDLE_MS / 4;
/** Offers kept at a time. Each holds what has changed since it was made, besides the state itself. */
const MOST_OFFERS = 2;
/** How often an asker whose offer was dropped begins anew at the same peer before it asks elsewhere. */
const MOST_STARTS = 3;
/** A peer that leaves a piece unanswered for this long counts as silent. */
const PIECE_TIMEOUT_MS = 3000;

/** A state as of one slot. */
export interface Snapshot {
  readonly slot: Slot;
  readonly records: readonly StateRecord[];
}

/** The most that a piece holds, about. */
export interface PieceLimits {
  readonly pieceSlots: number;
  readonly pieceCharacters: number;
}

/** Where the piece ends that begins at `from`: it holds at least one record, if there is one. */
export function endOfPiece(records: readonly StateRecord[], from: number, limits: PieceLimits): number {
  let size = 0;
  let end = from;
  while (end < records.length && end - from < limits.pieceSlots && size < limits.pieceCharacters) {
    const [key, value] = records[end] ?? ['', ''];
    size += key.length + (typeof value === 'string' ? value.length : JSON.stringify(value).length);
    end++;
  }
  return end;
}

/** A snapshot that is handed out in pieces while the machine goes on. */
export class SnapshotOffer {
  readonly id: string;
  readonly slot: Slot;
  readonly #records: readonly StateRecord[];
  readonly #clock: Clock;
  readonly #digest = new StateDigest();
  /** Records in the digest so far: each goes in when it is first asked for, so that no piece costs more than its size. */
  #digested = 0;
  #usedAt: number;

  /** `id` names this offer alone, of all servers and incarnations. */
  constructor(id: string, { slot, records }: Snapshot, clock: Clock) {
    this.id = id;
    this.slot = slot;
    this.#records = records;
    this.#clock = clock;
    this.#usedAt = clock.now();
  }

  get usedAt(): number {
    return this.#usedAt;
  }

  /** Whether nobody has asked for a piece for so long that the copy is not worth its memory. */
  get isIdle(): boolean {
    return this.#clock.now() - this.#usedAt > IDLE_MS;
  }

  /** Records from position `from` on. */
  piece(from: number, limits: PieceLimits): SnapshotPiece {
    this.#usedAt = this.#clock.now();
    const end = endOfPiece(this.#records, from, limits);
    for (const record of this.#records.slice(this.#digested, end)) this.#digest.add(record);
    this.#digested = Math.max(this.#digested, end);
    return {
      kind: 'piece',
      offer: this.id,
      slot: this.slot,
      count: this.#records.length,
      from,
      records: this.#records.slice(from, end).map(([key, value]) => [key, value]),
      digest: end === this.#records.length ? this.#digest.toString() : null,
    };
  }
}

/** The offers that peers are fetching. */
export class SnapshotOffers {
  readonly #clock: Clock;
  readonly #limits: PieceLimits;
  #nextId: (() => string) | undefined;
  #offers: SnapshotOffer[] = [];

  constructor(clock: Clock, limits: PieceLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Before that nothing is offered. Each name is used once in the life of the cluster. */
  nameBy(nextId: () => string): void {
    this.#nextId = nextId;
  }

  /** `oldest`: an offer of an earlier slot is of no use to who begins now. `state`: as of now. */
  answer({ offer: id, from }: SnapshotRequest, oldest: Slot, state: () => Snapshot): SnapshotAnswer {
    if (this.#nextId === undefined) return { kind: 'nothing' };
    this.dropIdle();
    const offer = id === null ? (this.#from(oldest) ?? this.#add(this.#nextId(), state())) : this.#find(id);
    return offer?.piece(id === null ? 0 : from, this.#limits) ?? { kind: 'expired' };
  }

  /** Drops the offers that are not worth their memory. */
  dropIdle(): void {
    if (this.#offers.some(({ isIdle }) => isIdle))
      this.#offers = this.#offers.filter(({ isIdle }) => !isIdle);
  }

  /** The slot of the offer that is being fetched. Of an older one the log was dropped before there was a newer one. */
  get inUse(): Slot | undefined {
    const newest = this.#offers.at(-1);
    return newest === undefined || newest.isIdle ? undefined : newest.slot;
  }

  #find(id: string): SnapshotOffer | undefined {
    return this.#offers.find((offer) => offer.id === id);
  }

  #from(slot: Slot): SnapshotOffer | undefined {
    const newest = this.#offers.at(-1);
    return newest !== undefined && newest.slot >= slot ? newest : undefined;
  }

  /** Makes room by dropping the one that was not used for the longest time: its asker is told to begin anew. */
  #add(id: string, snapshot: Snapshot): SnapshotOffer {
    if (this.#offers.length === MOST_OFFERS) {
      const oldestUse = Math.min(...this.#offers.map(({ usedAt }) => usedAt));
      this.#offers.splice(
        this.#offers.findIndex(({ usedAt }) => usedAt === oldestUse),
        1,
      );
    }
    const offer = new SnapshotOffer(id, snapshot, this.#clock);
    this.#offers.push(offer);
    return offer;
  }
}

/**
 * Puts a snapshot together from pieces of one offer. A piece of another offer, one that is there already, or one from
 * further on changes nothing, whenever it comes.
 */
export class SnapshotAssembly {
  readonly #digest = new StateDigest();
  readonly #records: StateRecord[] = [];
  #offer: string | null = null;
  #slot: Slot = 0;
  #count = 0;
  #expectedDigest: string | undefined;

  /** The piece that is missing. Without an offer so far, it asks for a new one. */
  get missing(): SnapshotRequest {
    return { offer: this.#offer, from: this.#records.length };
  }

  /** Takes the missing piece, or gives false for any other one. */
  add({ offer, slot, count, from, records, digest }: SnapshotPiece): boolean {
    if (from !== this.#records.length || (this.#offer !== null && offer !== this.#offer)) return false;
    if (this.#offer === null) [this.#offer, this.#slot, this.#count] = [offer, slot, count];
    for (const record of records) {
      this.#digest.add(record);
      this.#records.push(record);
    }
    if (digest !== null) this.#expectedDigest = digest;
    return true;
  }

  /** Whether no more pieces are to come. */
  get isComplete(): boolean {
    return this.#offer !== null && this.#expectedDigest !== undefined;
  }

  /** The snapshot, if it is all of what was offered: so many records, and these. */
  get snapshot(): Snapshot | undefined {
    const isWhole =
      this.isComplete &&
      this.#records.length === this.#count &&
      this.#digest.toString() === this.#expectedDigest;
    return isWhole ? { slot: this.#slot, records: this.#records } : undefined;
  }
}

/** Whom to ask for the pieces of a snapshot, and when to ask again. */
export interface SnapshotSource {
  readonly learner: Pick<LearnerService, 'snapshot'>;
  readonly clock: Clock;
  /** The shortest pause before a piece is asked for again. */
  readonly resendMs: number;
}

/**
 * Asks for a piece, and again when the answer is late: a large state takes many calls, and some may be lost. The request
 * names offer and piece, so that a second answer is the same. `pieces`: how long the answers took so far.
 */
async function ask(
  { learner, clock, resendMs }: SnapshotSource,
  request: SnapshotRequest,
  pieces: RoundTrip,
): Promise<SnapshotAnswer> {
  const answer = await gather<SnapshotAnswer, SnapshotAnswer>({
    members: [0],
    ask: () => pieces.measure(clock, learner.snapshot(request)),
    decide: (answers) => answers.get(0),
    clock,
    resendMs: Math.max(resendMs, 2 * pieces.patienceMs),
    deadlineMs: PIECE_TIMEOUT_MS,
  });
  if (answer === undefined) throw new CallError('a piece of the snapshot did not come in time');
  return answer;
}

/**
 * Keeps the offer of a peer in use while its records are written, which may take longer than an offer is kept that nobody
 * asks for. Without the log after the offer, the peer's next snapshot would be needed, and so on for as long as there are
 * writes. It asks for what follows the last record, which is nothing.
 */
export class KeptOffer implements Pick<LearnerService, 'snapshot'> {
  readonly #learner: Pick<LearnerService, 'snapshot'>;
  readonly #clock: Clock;
  readonly #fail: (error: unknown) => void;
  #behindLast: SnapshotRequest | undefined;
  #usedAt = 0;

  constructor(learner: Pick<LearnerService, 'snapshot'>, clock: Clock, fail: (error: unknown) => void) {
    this.#learner = learner;
    this.#clock = clock;
    this.#fail = fail;
  }

  async snapshot(request: SnapshotRequest): Promise<SnapshotAnswer> {
    this.#usedAt = this.#clock.now();
    const answer = await this.#learner.snapshot(request);
    if (answer.kind === 'piece') this.#behindLast = { offer: answer.offer, from: answer.count };
    return answer;
  }

  /** To be called now and then. */
  use(): void {
    if (this.#behindLast === undefined || this.#clock.now() - this.#usedAt < USE_MS) return;
    this.snapshot(this.#behindLast).catch((error: unknown) => {
      if (!(error instanceof CallError)) this.#fail(error);
    });
  }
}

/** Fetches a snapshot from a peer, piece by piece. Undefined: it has none to offer, or what came is not what it offered. */
export async function fetchSnapshot(
  source: SnapshotSource,
  onAnswer: () => void,
): Promise<Snapshot | undefined> {
  const pieces = new RoundTrip();
  for (let start = 0; start < MOST_STARTS; start++) {
    const assembly = new SnapshotAssembly();
    let isExpired = false;
    while (!assembly.isComplete && !isExpired) {
      const answer = await ask(source, assembly.missing, pieces);
      onAnswer();
      if (answer.kind === 'nothing') return undefined;
      if (answer.kind === 'expired') isExpired = true;
      // The answer to a question is the missing piece, or the peer is at fault.
      else if (!assembly.add(answer) || (answer.records.length === 0 && answer.digest === null))
        return undefined;
    }
    if (!isExpired) return assembly.snapshot;
  }
  return undefined;
}
