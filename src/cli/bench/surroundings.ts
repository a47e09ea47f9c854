import { execFileSync } from 'node:child_process';
import { realpathSync, statfsSync } from 'node:fs';
import { arch, cpus, platform, release, tmpdir, totalmem } from 'node:os';
import { PACKAGE_ROOT, packageVersion } from '../options';

/** Linux' numbers of file systems [statfs(2)]. */
const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
  [0x2fc12fc1, 'zfs'],
]);

/** What a figure depends on besides the options. */
export interface Surroundings {
  readonly version: string;
  /** Of the clone that this runs in, with `+` when files were changed; null outside of one. */
  readonly commit: string | null;
  readonly node: string;
  readonly machine: {
    readonly processors: number;
    readonly model: string;
    readonly architecture: string;
    readonly memoryBytes: number;
    readonly system: string;
    /** Of the folder for temporary files, where fresh clusters keep their data. On tmpfs nothing is durable. */
    readonly fileSystem: string;
  };
}

export function surroundings(): Surroundings {
  const processors = cpus();
  return {
    version: packageVersion(),
    commit: commitOf(PACKAGE_ROOT),
    node: process.version,
    machine: {
      processors: processors.length,
      model: processors[0]?.model.trim() ?? 'unknown',
      architecture: arch(),
      memoryBytes: totalmem(),
      system: `${platform()} ${release()}`,
      fileSystem: fileSystemOf(tmpdir()),
    },
  };
}

function commitOf(folder: string): string | null {
  const git = (...argv: string[]): string =>
    execFileSync('git', ['-C', folder, ...argv], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    // An installed package may lie inside somebody else's clone.
    if (realpathSync(git('rev-parse', '--show-toplevel')) !== realpathSync(folder)) return null;
    return `${git('rev-parse', '--short=12', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`;
  } catch {
    return null;
  }
}

function fileSystemOf(folder: string): string {
  const { type } = statfsSync(folder);
  return FILE_SYSTEMS.get(type) ?? `type 0x${type.toString(16)}`;
}
