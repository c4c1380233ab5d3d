/**
 * The regression gate: exact counters and LR digests of every shipped trace under every strategy, the agreement of every
 * recording with its list registers, and a small instance of every workload of `gen` under the reference strategy, for the
 * systems beside the core, against reports/baseline/exact.json. Counts have no noise, so any difference, better or worse,
 * ends in exit 3 until `npm run gate -- --accept` writes the new values.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findFlavourLack, openInput } from '../src/commands/inputs.js';
import { type ManifestEntry, readManifest, shippedPath } from '../src/commands/shipped.js';
import { flavours } from '../src/gic/flavour/index.js';
import type { Machine } from '../src/gic/intid.js';
import { referenceFor, strategiesFor } from '../src/replay/create-model.js';
import { replayTrace } from '../src/replay/replay.js';
import { type ExactPart, METRIC_NAMES, PATH_NAMES } from '../src/replay/result.js';
import { verifyTrace } from '../src/replay/verify.js';
import type { EventBlock } from '../src/trace/events.js';
import { workloads } from '../src/workload/index.js';
import { loadInput } from './inputs.js';

const EXIT_REGRESSION = 3;
const baselineFile = fileURLToPath(new URL('../../reports/baseline/exact.json', import.meta.url));

/** One line a figure: `trace/strategy/path/metric` → value. */
type Figures = Record<string, string | number>;

/** Flavours beside the recorded one that have this machine and an ap_list; kvm-6.19 differs from 7.2 in one walk. */
const otherFlavours = (machine: Machine): string[] =>
  flavours
    .filter(({ id, structure }) => id !== machine.flavour && id !== 'kvm-6.19' && structure === 'ap-list')
    .map(({ id }) => id)
    .filter((id) => findFlavourLack(machine, id) === undefined);

/** The LRs of every entry and the steps of every path under another flavour. */
async function gatherFlavour(entry: ManifestEntry, flavour: string, figures: Figures): Promise<void> {
  const input = await openInput(shippedPath(entry), { flavour });
  const source = input.open();
  const chosen = strategiesFor(source.header.machine, undefined);
  for (const { strategy, paths, lrDigest, stopped } of replayTrace(source, chosen, input.identity)) {
    const cell = `${entry.name}/${flavour}/${strategy.id}`;
    figures[`${cell}/lrDigest`] = lrDigest;
    if (stopped !== null) figures[`${cell}/stopped`] = stopped.event;
    for (const path of PATH_NAMES) {
      figures[`${cell}/${path}/steps/sum`] = paths[path].steps.sum;
      figures[`${cell}/${path}/steps/max`] = paths[path].steps.max;
    }
  }
  input.close();
}

/** Sections that are no path, by payer; what one instruction is worth; harm. */
function gatherHarm(cell: string, { sections, amplification, harm }: ExactPart, figures: Figures): void {
  for (const { id, payer, calls, steps, locks } of sections) {
    // Paths of their own, below.
    if (id === 'flush' || id === 'fold' || id === 'prune') continue;
    const section = `${cell}/section ${id}/${payer}`;
    figures[`${section}/calls`] = calls;
    figures[`${section}/steps/sum`] = steps.sum;
    figures[`${section}/steps/max`] = steps.max;
    figures[`${section}/locks/max`] = locks.max;
  }
  figures[`${cell}/guest instructions`] = amplification.guestInstructions;
  figures[`${cell}/steps of one instruction/max`] = amplification.worstWindow?.steps ?? 0;
  figures[`${cell}/harm/inversions`] = harm.inversions.interrupts;
  figures[`${cell}/harm/delay/sum`] = harm.delay.sum;
  figures[`${cell}/harm/wait/max`] = harm.waiting.longest;
  figures[`${cell}/harm/lost`] = harm.lost;
}

function gatherCell(cell: string, exact: ExactPart, figures: Figures): void {
  const { paths, lrDigest, guest, kicks, systems } = exact;
  gatherHarm(cell, exact, figures);
  figures[`${cell}/lrDigest`] = lrDigest;
  figures[`${cell}/divergences`] = guest.divergences;
  for (const [name, count] of Object.entries(kicks)) figures[`${cell}/kicks/${name}`] = count;
  for (const [system, counts] of Object.entries(systems))
    for (const [name, count] of Object.entries(counts)) figures[`${cell}/${system}/${name}`] = count;
  for (const path of PATH_NAMES) {
    figures[`${cell}/${path}/calls`] = paths[path].calls;
    for (const metric of METRIC_NAMES) {
      figures[`${cell}/${path}/${metric}/sum`] = paths[path][metric].sum;
      figures[`${cell}/${path}/${metric}/max`] = paths[path][metric].max;
    }
  }
}

/** Small instances of the workloads; that of the ITS saves its tables often enough for it to happen here. */
const INSTANCE = 'events=5000,seed=1';
const MORE: Readonly<Record<string, string>> = { 'its-churn': ',saves=200' };

function gatherWorkloads(figures: Figures): void {
  for (const { id } of workloads) {
    const spec = `${id}:${INSTANCE}${MORE[id] ?? ''}`;
    const { header, machine, block } = loadInput(spec);
    const blocks = [block];
    const next = (target: EventBlock): boolean => Object.assign(target, blocks.pop() ?? { count: 0 }).count > 0;
    const identity = { path: spec, sha256: '', origin: 'made' };
    const [exact] = replayTrace({ header, next }, [referenceFor(machine)], identity);
    gatherCell(`gen ${id}/${exact.strategy.id}`, exact, figures);
  }
}

async function gatherFigures(): Promise<Figures> {
  const figures: Figures = {};
  for (const entry of readManifest()) {
    const input = await openInput(shippedPath(entry));
    figures[`${entry.name}/sha256`] = input.identity.sha256;
    const source = input.open();
    const chosen = strategiesFor(source.header.machine, undefined);
    for (const exact of replayTrace(source, chosen, input.identity))
      gatherCell(`${entry.name}/${exact.strategy.id}`, exact, figures);
    for (const flavour of otherFlavours(source.header.machine)) await gatherFlavour(entry, flavour, figures);
    const verified = verifyTrace(input.open());
    figures[`${entry.name}/verify/entries`] = verified.entries;
    figures[`${entry.name}/verify/identical`] = verified.identical;
    input.close();
  }
  gatherWorkloads(figures);
  return figures;
}

const figures = await gatherFigures();
if (process.argv.includes('--accept')) {
  mkdirSync(fileURLToPath(new URL('.', new URL('../../reports/baseline/exact.json', import.meta.url))), {
    recursive: true,
  });
  writeFileSync(baselineFile, `${JSON.stringify(figures, null, 0).replaceAll(',"', ',\n"')}\n`);
  console.log(`gate: wrote ${Object.keys(figures).length} figures to reports/baseline/exact.json`);
} else {
  const baseline = JSON.parse(readFileSync(baselineFile, 'utf8')) as Figures;
  const names = [...new Set([...Object.keys(baseline), ...Object.keys(figures)])];
  const changed = names.filter((name) => baseline[name] !== figures[name]);
  for (const name of changed.slice(0, 40))
    console.log(`gate: ${name}: baseline ${baseline[name] ?? 'none'}, now ${figures[name] ?? 'none'}`);
  if (changed.length > 40) console.log(`gate: and ${changed.length - 40} more`);
  console.log(`gate: ${names.length - changed.length} of ${names.length} exact figures as in the baseline`);
  if (changed.length > 0) {
    console.log('gate: if the change is meant, run "npm run gate -- --accept" and say why in the commit');
    process.exitCode = EXIT_REGRESSION;
  }
}
