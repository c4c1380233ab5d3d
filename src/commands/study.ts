/** `vgic-replay study`: the question of a mailing-list thread, answered with counted figures. */
import type { Command } from 'commander';
import { renderStudy } from '../report/terminal.js';
import { studies, studyNamed } from '../study/index.js';
import type { Study } from '../study/study.js';
import { parseSeed } from './seed-option.js';
import { type Terminal, tool } from './terminal.js';

const STUDY_SCHEMA = 'vgic-replay/study/1';

export function registerStudy(program: Command, terminal: Terminal): void {
  program
    .command('study')
    .description(
      'answer the questions of mailing-list threads (injection, doorbells, mapped interrupts, timers, ITS) with counted figures',
    )
    .argument('[ids...]', `of: ${studies.map(({ id }) => id).join(', ')} (default: all)`)
    .option('--seed <n>', 'seed of generated events', parseSeed, 1)
    .option('--json', 'print JSON instead of text')
    .action((ids: string[], { seed, json }: { seed: number; json?: boolean }) => {
      const chosen = ids.length === 0 ? studies : ids.map(studyNamed);
      const records = chosen.map((study) => study.run({ seed }));
      terminal.out(
        json === true ? toJson(records, seed) : records.map((study) => renderStudy(study, terminal)).join('\n'),
      );
    });
}

const toJson = (records: readonly Study[], seed: number): string =>
  JSON.stringify({ schema: STUDY_SCHEMA, tool, seed, studies: records }, null, 2);
