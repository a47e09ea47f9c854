import { z } from 'zod';
import { whyNoQuorums } from '../server/configuration';
import type { Scenario } from './scenario';
import { scenarioSchema } from './scenario-schema';

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

const anyVersion = z.looseObject({ version: z.unknown() });
const failureFile = z
  .strictObject({
    version: z.literal(1),
    commit: z.string(),
    exhibit: z.string().optional(),
    failure: z.strictObject({ kind: z.string(), message: z.string() }),
    scenario: scenarioSchema,
  })
  .superRefine(({ exhibit, scenario }, context) => {
    // An exhibit may be just this: quorums that must not be.
    const message = exhibit === undefined ? whyNoQuorums(scenario.quorums, scenario.servers) : undefined;
    if (message !== undefined) context.addIssue({ code: 'custom', message, path: ['scenario', 'quorums'] });
  }) satisfies z.ZodType<FailureFile>;

export function formatFailure(file: FailureFile): string {
  // Of the schema's type: whatever can be written down and not be read back does not compile.
  const readable: z.output<typeof failureFile> = file;
  return `${JSON.stringify(readable, undefined, 1)}\n`;
}

/** Throws an Error with a sentence when the text is no failure file of this version. */
export function parseFailure(text: string): FailureFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // Its message quotes the text, line ends and all.
    const reason = (error as Error).message.replaceAll(/\s+/g, ' ');
    throw new Error(`it is not JSON: ${reason}`, { cause: error });
  }
  const version = anyVersion.safeParse(json).data?.version;
  if (version === undefined) throw new Error('it holds no failed run, as it has no version');
  if (version !== 1) throw new Error(`its version is ${JSON.stringify(version)}, not 1`);
  const { data, error } = failureFile.safeParse(json);
  if (data !== undefined) return data;
  const issue = error.issues[0];
  const path = issue?.path.join('.') ?? '';
  throw new Error(
    `it holds no failed run: ${path === '' ? '' : `${path}: `}${issue?.message ?? 'not understood'}`,
  );
}
