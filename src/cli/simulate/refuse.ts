import type { Command } from 'commander';
import { UsageError } from '../options';

/** The names of the options that stand on the command line. */
export function givenIn(command: Command): string[] {
  return command.options
    .map((each) => each.attributeName())
    .filter((name) => command.getOptionValueSource(name) === 'cli');
}

/**
 * Throws UsageError when an option of this command, or of the program around it, stands on the command line that
 * `who` has no use for: whoever gives it expects something of it.
 */
export function refuseOthers(command: Command, who: string, taken: readonly string[]): void {
  for (let each: Command | null = command; each !== null; each = each.parent) {
    const given = givenIn(each);
    const other = each.options.find(
      (option) => given.includes(option.attributeName()) && !taken.includes(option.attributeName()),
    );
    if (other !== undefined) throw new UsageError(`${who} does not take ${other.long ?? other.flags}`);
  }
}
