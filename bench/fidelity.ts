/** Writes the generated parts of reports/fidelity.md from a report.json: `npm run fidelity`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type DefectNote, fillPage, type PageFigures, writeParts } from '../src/report/fidelity-page.js';

const [, , reportFile] = process.argv;
if (reportFile === undefined) throw new Error('name a report.json');
const root = new URL('../../', import.meta.url);
const page = new URL('reports/fidelity.md', root);
const { exact } = JSON.parse(readFileSync(reportFile, 'utf8')) as { exact: Omit<PageFigures, 'defects'> };
const { scenarios } = JSON.parse(readFileSync(new URL('traces/conformance/defects.json', root), 'utf8')) as {
  scenarios: DefectNote[];
};
writeFileSync(page, fillPage(readFileSync(page, 'utf8'), writeParts({ ...exact, defects: scenarios })));
console.log('fidelity: wrote the tables of reports/fidelity.md');
