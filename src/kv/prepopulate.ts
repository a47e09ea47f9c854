import { z } from 'zod';

const file = z.record(z.string(), z.string({ error: 'a value must be a string' }), {
  error: 'it must be one object of keys and string values',
});

/**
 * Reads the text of a `prepopulate.json`: one JSON object of string values. `check` looks at each entry and throws
 * for one that the store could not hold. Throws an Error with a sentence.
 */
export function parsePrepopulate(
  text: string,
  check: (key: string, value: string) => void = () => undefined,
): ReadonlyMap<string, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = file.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where =
      issue === undefined || issue.path.length === 0 ? '' : `key ${JSON.stringify(issue.path.join('.'))}: `;
    throw new Error(where + (issue?.message ?? 'it does not fit'), { cause: parsed.error });
  }
  // Not from the parsed object: an object with the key __proto__ loses it on the way through a copy.
  const entries = new Map(Object.entries(json as Record<string, string>));
  for (const [key, value] of entries) check(key, value);
  return entries;
}
