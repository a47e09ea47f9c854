import type { Scenario } from './scenario';

/** A run that failed, as a file keeps it: all that is needed to see it again, and nothing of the machine it failed on. */
export interface FailureFile {
  readonly version: 1;
  /** Of the code that failed; another one may draw other things from the same scenario. */
  readonly commit: string;
  /** The exhibit of the museum that was put in, if one was. */
  readonly exhibit?: string | undefined;
  readonly failure: { readonly kind: string; readonly message: string };
  readonly scenario: Scenario;
}

export function formatFailure(file: FailureFile): string {
  return `${JSON.stringify(file, undefined, 1)}\n`;
}

/** Throws an Error with a sentence when the text is no failure file of this version. */
export function parseFailure(text: string): FailureFile {
  let file: Partial<FailureFile>;
  try {
    file = JSON.parse(text) as Partial<FailureFile>;
  } catch (error) {
    throw new Error(`it is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (file.version !== 1) throw new Error(`its version is ${String(file.version)}, not 1`);
  const { scenario, failure } = file;
  const isWhole =
    failure !== undefined &&
    typeof scenario?.seed === 'number' &&
    Array.isArray(scenario.clients) &&
    Array.isArray(scenario.faults);
  if (!isWhole) throw new Error('it holds no failed run');
  return file as FailureFile;
}
