/** The report as Markdown. */
import { hashExactPart } from './json.js';
import { renderDocument } from './markdown-document.js';
import type { ReportModel } from './model.js';
import { composeReport } from './sections.js';

/** Same model, same bytes. Throws UserError if the model contradicts itself (`checkModel`). */
export function renderMarkdown(model: ReportModel): string {
  return renderDocument(composeReport(model, hashExactPart(model)));
}
