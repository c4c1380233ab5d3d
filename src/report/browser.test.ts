/** The page in a real browser. Needs Chromium; without it the tests are skipped, except in CI, where they fail. */
import assert from 'node:assert/strict';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { renderHtml } from './html.js';
import { makeFullModel } from './test-fixture.js';
import { makeMeasured } from './test-measured.js';

function findChromium(): string | null {
  const candidates = [
    process.env.CHROMIUM ?? '',
    '/usr/bin/chromium',
    ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'chromium')),
  ];
  const isExecutable = (path: string): boolean => {
    try {
      accessSync(path, constants.X_OK);
      return path !== '';
    } catch {
      return false;
    }
  };
  return candidates.find(isExecutable) ?? null;
}

const executable = findChromium();
const isCi = process.env.CI === 'true';
const MISSING = 'no Chromium: install it, or name it in CHROMIUM';

it('CI has a browser', { skip: isCi ? false : 'only CI must have one' }, () => {
  assert.ok(executable !== null, MISSING);
});

const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } } as const;
const THEMES = ['light', 'dark'] as const;

/** Relative luminance of "rgb(r, g, b)" (WCAG 2). */
function luminance(colour: string): number {
  const [r, g, b] = colour
    .match(/[\d.]+/g)!
    .slice(0, 3)
    .map((part) => {
      const share = Number(part) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const contrast = (a: string, b: string): number => {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
};

/** Runs in the page, hence as text: the compiler does not know a page's globals here. */
const LIST_COLOURS = `(() => {
  const text = [...document.querySelectorAll('p, h2, td, .drawing text, summary')].map((element) => {
    const style = getComputedStyle(element);
    return element instanceof SVGElement ? style.fill : style.color;
  });
  return { back: getComputedStyle(document.body).backgroundColor, text: [...new Set(text)] };
})()`;

describe('the report in a browser', { skip: executable === null && MISSING }, () => {
  let folder = '';
  let address = '';
  let context: BrowserContext;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vgic-report-'));
    const model = makeFullModel();
    const cells = model.cells.map((cell) => ({
      ...cell,
      measured: makeMeasured(12, cell.exact.strategy.id === 'sort-on-flush' ? null : 1.2),
    }));
    const file = join(folder, 'report.html');
    writeFileSync(file, renderHtml({ ...model, cells }));
    address = pathToFileURL(file).href;
    context = await chromium.launchPersistentContext(join(folder, 'profile'), {
      executablePath: executable ?? undefined,
      headless: true,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });

  after(async () => {
    await context?.close();
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  /** Opens the page, runs `check`, then asserts that nothing was logged and nothing but the file was asked for. */
  async function visit(
    size: keyof typeof SIZES,
    theme: (typeof THEMES)[number],
    check: (page: Page) => Promise<void>,
  ): Promise<void> {
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('console', (message) => faults.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
    page.on('request', (request) => {
      if (request.url() !== address) faults.push(`request: ${request.url()}`);
    });
    await page.setViewportSize(SIZES[size]);
    await page.emulateMedia({ colorScheme: theme });
    await page.goto(address);
    await check(page);
    await page.close();
    assert.deepEqual(faults, []);
  }

  for (const size of ['desktop', 'phone'] as const) {
    for (const theme of THEMES) {
      it(`${size}, ${theme}: charts are visible, nothing scrolls sideways, text can be read`, async () => {
        await visit(size, theme, async (page) => {
          const [scroll, inner] = await page.evaluate<[number, number]>(
            '[document.documentElement.scrollWidth, innerWidth]',
          );
          assert.equal(scroll, inner);
          const boxes = await page.locator('figure').evaluateAll((figures) =>
            figures.map((figure) => {
              const shown = [...figure.querySelectorAll('.drawing svg')]
                .map((svg) => svg.getBoundingClientRect())
                .filter((box) => box.width > 0 && box.height > 0);
              return shown.map((box) => ({ width: box.width, height: box.height, right: box.right }));
            }),
          );
          assert.equal(boxes.length, 11);
          for (const shown of boxes) {
            assert.equal(shown.length, 1, 'one of the two drawings is shown');
            assert.ok(shown[0].width > 300 && shown[0].height > 60 && shown[0].right <= SIZES[size].width);
          }
          // Text of the page and of the drawings against the background they stand on.
          const colours = await page.evaluate<{ back: string; text: string[] }>(LIST_COLOURS);
          assert.equal(luminance(colours.back) > 0.5, theme === 'light');
          assert.ok(colours.text.length >= 3);
          for (const colour of colours.text)
            assert.ok(contrast(colour, colours.back) >= 4.5, `${colour} on ${colours.back}`);
          const marks = await page
            .locator('.drawing path')
            .evaluateAll((paths) => [...new Set(paths.map((path) => path.getAttribute('fill') ?? ''))]);
          assert.ok(
            marks.some((fill) => fill.startsWith('var(--s')),
            'marks take their colour from the theme',
          );
        });
      });
    }
  }

  it('labels in a drawing do not overlap and stay inside it', async () => {
    for (const size of ['desktop', 'phone'] as const) {
      await visit(size, 'light', async (page) => {
        const clashes = await page.locator('.drawing svg').evaluateAll((drawings) => {
          const found: string[] = [];
          for (const svg of drawings) {
            const frame = svg.getBoundingClientRect();
            if (frame.width === 0) continue;
            const labels = [...svg.querySelectorAll('text')].map((label) => ({
              text: label.textContent,
              box: label.getBoundingClientRect(),
            }));
            labels.forEach(({ text, box }, index) => {
              if (
                box.left < frame.left - 1 ||
                box.right > frame.right + 1 ||
                box.top < frame.top - 1 ||
                box.bottom > frame.bottom + 1
              )
                found.push(`outside: ${text}`);
              for (const other of labels.slice(index + 1)) {
                const isApart =
                  box.right <= other.box.left ||
                  other.box.right <= box.left ||
                  box.bottom <= other.box.top + 2 ||
                  other.box.bottom <= box.top + 2;
                // Turned labels have boxes larger than themselves.
                if (!isApart && box.height < 20 && other.box.height < 20) found.push(`${text} on ${other.text}`);
              }
            });
          }
          return found;
        });
        assert.deepEqual(clashes, []);
      });
    }
  });

  it('the first stop of the keyboard is the skip link, and it leads to the verdict', async () => {
    await visit('desktop', 'light', async (page) => {
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate('document.activeElement.className'), 'skip');
      const box = await page.locator('.skip').boundingBox();
      assert.ok(box && box.x >= 0 && box.y >= 0, 'it is visible when focused');
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate('document.activeElement.id'), 'verdict');
    });
  });

  it('commands can be copied, and the page works without its script', async () => {
    await visit('desktop', 'light', async (page) => {
      const codes = await page.locator('code[data-copy]').count();
      assert.ok(codes > 90);
      assert.equal(await page.locator('button.copy').count(), codes);
      const button = page.locator('button.copy').filter({ visible: true }).first();
      await button.click();
      // Not waitForFunction: asked a second time it evaluates a string, which the page's policy forbids.
      await page
        .locator('#said')
        .filter({ hasText: /Copied|Selected/ })
        .waitFor({ state: 'attached' });
    });
  });

  it('prints dark text on white whatever the theme', async () => {
    await visit('desktop', 'dark', async (page) => {
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      const [ink, back] = await page.evaluate<[string, string]>(
        '[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]',
      );
      assert.ok(luminance(ink) < 0.1 && luminance(back) > 0.9);
      assert.equal(await page.locator('nav').isVisible(), false);
    });
  });
});
