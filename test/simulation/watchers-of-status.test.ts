import { describe } from '@jest/globals';
import { NOTHING, sitesIn, tellStories, type Story } from '../support/watchers';

const STATUS = { applied: 3, highestChosen: 5, floor: 2, digest: 'd' };

const STORIES: readonly Story[] = [
  [
    NOTHING,
    'a server that goes on, and one that begins again further back',
    (scene) => {
      scene.status.told(0, 1, STATUS);
      scene.status.told(0, 1, { ...STATUS, applied: 4, digest: 'e' });
      scene.status.told(0, 2, { ...STATUS, floor: 1 });
      scene.status.told(1, 1, STATUS);
    },
  ],
  ...(['applied', 'highestChosen', 'floor'] as const).map((position): Story => [
    'status goes back',
    `a lower ${position} than before`,
    (scene) => {
      const other = { ...STATUS, highestChosen: 9 };
      scene.status.told(0, 1, { ...other, [position]: other[position], digest: 'e' });
      scene.status.told(0, 1, { ...other, [position]: other[position] - 1, digest: 'e' });
    },
  ]),
  [
    'impossible status',
    'more is applied than chosen',
    (scene) => {
      scene.status.told(0, 1, { ...STATUS, applied: 6 });
    },
  ],
  [
    'impossible status',
    'what is not applied yet is forgotten',
    (scene) => {
      scene.status.told(0, 1, { ...STATUS, floor: 5 });
    },
  ],
  [
    'states differ',
    'two servers with other digests after the same slot',
    (scene) => {
      scene.status.told(0, 1, STATUS);
      scene.status.told(1, 1, { ...STATUS, digest: 'e' });
    },
  ],
];

describe('the observer of status', () => {
  tellStories(STORIES, sitesIn('simulation/status-observer.ts', ['fail']));
});
