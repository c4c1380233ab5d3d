/** The report as a page: Markdown for a pull request, HTML as one file that opens offline. */
import { renderMarkdown } from '../markdown.js';
import { composeComparison, markdownOfComparison } from './comparison-document.js';
import type { Reporter } from './reporter.js';

export const markdown: Reporter = {
  id: 'md',
  summary: 'Markdown, for a pull request or an issue',
  cells: renderMarkdown,
  comparison: markdownOfComparison,
};

/** The chart library is large: loaded where it is needed, not at the start of every verb. */
const loadHtml = () => import('../html.js');

export const htmlPage: Reporter = {
  id: 'html',
  summary: 'one page that opens offline',
  cells: async (model) => (await loadHtml()).renderHtml(model),
  comparison: async (comparison) => {
    const { tool } = comparison;
    return (await loadHtml()).renderPage(composeComparison(comparison), `${tool.name} ${tool.version}.`);
  },
};
