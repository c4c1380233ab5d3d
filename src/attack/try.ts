import { strategies } from '../strategy/index.js';
import { dimensions } from './dimensions.js';
import { defaultAttacker } from './attacker.js';
import { createJobRunner } from './job.js';
import { mergeResults, nextJobs, startSearch } from './search.js';
const targets = strategies.map(({ id }) => ({ flavour: process.argv[2] ?? 'kvm-6.1', strategy: id }));
const state = startSearch({ seed: 1, attacker: defaultAttacker, targets, small: { n: 48, nrLr: 4 }, large: { n: 960, nrLr: 4 } });
const run = createJobRunner();
const t0 = performance.now();
let gen = 0;
while (performance.now() - t0 < Number(process.argv[3] ?? 20) * 1000) {
  const jobs = nextJobs(state);
  const results = jobs.map((j) => { const a = performance.now(); const r = run(j); if (gen % 20 === 0) console.log(gen, j.size.n, j.quota, r.evaluations, r.work, (performance.now() - a).toFixed(0)); return r; });
  mergeResults(state, jobs, results);
  gen++;
}
console.log(gen, state.evaluations, state.unscaled.length);
for (const [t, target] of targets.entries()) {
  console.log(target.strategy);
  for (const [d, dim] of dimensions.entries()) {
    const c = t * dimensions.length + d;
    console.log('  ', dim.id.padEnd(20), state.small[c]?.figure ?? '-', state.large[c]?.figure ?? '-');
  }
}
