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
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error('it must be one object of keys and string values');
  const entries = new Map<string, string>();
  for (const [key, value] of Object.entries(json as Record<string, unknown>)) {
    if (typeof value !== 'string') throw new Error(`key ${JSON.stringify(key)}: a value must be a string`);
    check(key, value);
    entries.set(key, value);
  }
  return entries;
}
