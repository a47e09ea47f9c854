/** The part of the package that is used; it brings no types of its own. */
declare module 'fs-native-extensions' {
  /** Locks the open file for this descriptor alone. False: another open descriptor, of any process, has it. */
  export function tryLock(file: number): boolean;
}
