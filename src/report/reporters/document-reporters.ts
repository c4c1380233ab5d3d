/** The report as a page: Markdown for a pull request, HTML as one file that opens offline. */
import { composeComparison, markdownOfComparison } from './comparison-document.js';
import type { Reporter } from './reporter.js';

/** All that is composed of cells is loaded where it is needed, not at the start of every verb; the chart library is large. */
const loadMarkdown = () => import('../markdown.js');
const loadHtml = () => import('../html.js');

export const markdown: Reporter = {
  id: 'md',
  summary: 'Markdown, for a pull request or an issue',
  cells: async (model) => (await loadMarkdown()).renderMarkdown(model),
  comparison: markdownOfComparison,
};

export const htmlPage: Reporter = {
  id: 'html',
  summary: 'one page that opens offline',
  cells: async (model) => (await loadHtml()).renderHtml(model),
  comparison: async (comparison) => {
    const { tool } = comparison;
    return (await loadHtml()).renderPage(composeComparison(comparison), `${tool.name} ${tool.version}.`);
  },
};
