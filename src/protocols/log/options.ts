/** What servers of all slot protocols keep, pass on and look after alike, on one machine or one local network. */
export const LOG_DEFAULTS = {
  log: { slots: 10_000, characters: 64 * 1024 * 1024 },
  offeredLog: { slots: 100_000, characters: 256 * 1024 * 1024 },
  pieceSlots: 1000,
  pieceCharacters: 512 * 1024,
  gapMs: 30,
  gossipMs: 500,
  fillSlots: 8,
  maxWaiting: 10_000,
  maxWaitingWeight: 64 * 1024 * 1024,
} as const;
