/** `vgic-replay validate`: is a trace whole and sound? */
import type { Command } from 'commander';
import { EXIT_INPUT, UserError } from '../base/errors.js';
import { type ValidationReport, validateTrace } from '../trace/validate.js';
import { type Terminal, tool } from './terminal.js';
import { openFileSource } from './trace-files.js';

export function registerValidate(program: Command, terminal: Terminal): void {
  program
    .command('validate')
    .description('check the structure, checksums, ranges, life cycle and fidelity of traces')
    .argument('<traces...>', '.vgt files')
    .option('--json', 'print JSON instead of text')
    .action((paths: string[], { json }: { json?: boolean }) => {
      const reports = paths.map((path): ValidationReport => {
        const source = openFileSource(path);
        try {
          return validateTrace(source);
        } finally {
          source.close();
        }
      });
      if (json === true) terminal.out(JSON.stringify({ schema: 'vgic-replay/validate/1', tool, reports }, null, 2));
      else terminal.out(reports.map((report) => describe(report)).join('\n'));
      const broken = reports.filter(({ nrProblems }) => nrProblems > 0);
      if (broken.length === 0) return;
      const { file, problems } = broken[0];
      const more = broken.length === 1 ? '' : ` (and ${broken.length - 1} more)`;
      throw new UserError(
        `${file}: ${problems[0].place}: ${problems[0].what}; import the recording again or copy the file again${more}`,
        EXIT_INPUT,
      );
    });
}

function describe({ file, header, events, blocks, nrProblems, problems }: ValidationReport): string {
  if (nrProblems === 0) return `${file}: sound: ${events} events in ${blocks} blocks, L${header?.fidelity}`;
  const shown = problems.map(({ place, what }) => `  ${place}: ${what}`);
  const rest = nrProblems > problems.length ? [`  and ${nrProblems - problems.length} more`] : [];
  return [`${file}: ${nrProblems} ${nrProblems === 1 ? 'problem' : 'problems'}`, ...shown, ...rest].join('\n');
}
