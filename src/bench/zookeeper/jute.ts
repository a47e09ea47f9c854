/** The little of ZooKeeper's jute encoding that its basic requests need: big-endian numbers, lengths before contents. */

export function int(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

export function long(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
}

/** Text or bytes after their length. */
export function bytes(content: string | Buffer): Buffer {
  const buffer = Buffer.from(content);
  return Buffer.concat([int(buffer.length), buffer]);
}

/** A whole request: its fields after their length. */
export function packet(...fields: readonly Buffer[]): Buffer {
  return bytes(Buffer.concat(fields));
}
