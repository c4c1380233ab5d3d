/** The state of a search as JSON, to go on from and to take findings from. */
import { flavours } from '../gic/flavour/index.js';
import { type Cells, type Champion, cellIndex, dimensionOf, emptyCells, targetOf } from './archive.js';
import { dimensionIndex, dimensions } from './dimensions.js';
import { type JsonPlace, readAttacker, readProgram, readSize } from './saved-json.js';
import type { SearchSettings, SearchState } from './search.js';

export const SEARCH_SCHEMA = 'vgic-replay/search/1';

interface SavedChampion extends Champion {
  readonly target: number;
  readonly dimension: string;
}

/** Cells that are empty are left out; dimensions go by name, so that a later version finds its own. */
function saveCells(cells: Cells): SavedChampion[] {
  return cells.flatMap((champion, cell) =>
    champion === null
      ? []
      : [
          {
            target: targetOf(cell),
            dimension: dimensions[dimensionOf(cell)].id,
            figure: champion.figure,
            score: champion.score,
            program: champion.program,
          },
        ],
  );
}

function readCells(place: JsonPlace, nrTargets: number): Cells {
  const cells = emptyCells(nrTargets);
  place.list((item) => {
    const target = item.at('target').whole(0, nrTargets - 1);
    const dimension = dimensionIndex(item.at('dimension').text());
    if (dimension < 0) item.at('dimension').fail('no dimension of this version');
    cells[cellIndex(target, dimension)] = {
      program: readProgram(item.at('program')),
      figure: item.at('figure').figure(),
      score: item.at('score').figure(),
    };
  });
  return cells;
}

/** The same state gives the same bytes. */
export function saveSearch({ settings, generation, evaluations, small, large, visits, unscaled }: SearchState): string {
  const saved = {
    schema: SEARCH_SCHEMA,
    settings,
    generation,
    evaluations,
    unscaled,
    visits,
    small: saveCells(small),
    large: saveCells(large),
  };
  return `${JSON.stringify(saved)}\n`;
}

export function readSearch(place: JsonPlace): SearchState {
  place.at('schema').oneOf([SEARCH_SCHEMA]);
  const saved = place.at('settings');
  const settings: SearchSettings = {
    seed: saved.at('seed').whole(0, 0xffff_ffff),
    attacker: readAttacker(saved.at('attacker')),
    targets: saved.at('targets').list((item) => ({
      flavour: item.at('flavour').oneOf(flavours.map(({ id }) => id)),
      strategy: item.at('strategy').text(),
    })),
    small: readSize(saved.at('small')),
    large: readSize(saved.at('large')),
    work: saved.at('work').whole(1),
  };
  const nrTargets = settings.targets.length;
  const small = readCells(place.at('small'), nrTargets);
  return {
    settings,
    generation: place.at('generation').whole(0),
    evaluations: place.at('evaluations').whole(0),
    small,
    large: readCells(place.at('large'), nrTargets),
    visits: place.at('visits').list((item) => item.whole(0)),
    unscaled: place.at('unscaled').list((item) => {
      const cell = item.whole(0, small.length - 1);
      return small[cell] === null ? item.fail('a cell without a champion') : cell;
    }),
  };
}
