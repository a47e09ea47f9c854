/**
 * The data folder is not as it was left: what was promised may be missing. A server that started with it could break
 * its word, and trying again does not help.
 */
export class DamagedData extends Error {
  override readonly name = 'DamagedData';
}
