import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  describeChange,
  formatChange,
  formatDecimal,
  formatInteger,
  formatShare,
  joinWords,
  plural,
} from './number-format.js';

fc.configureGlobal({ seed: 1 });

const WORDS = { more: 'more', fewer: 'fewer', many: 'many' };

describe('numbers as readers see them', () => {
  it('groups integers by three and gives them back', () => {
    assert.equal(formatInteger(0), '0');
    assert.equal(formatInteger(999), '999');
    assert.equal(formatInteger(1234567), '1,234,567');
    assert.equal(formatInteger(-1000), '−1,000');
    fc.assert(fc.property(fc.maxSafeNat(), (value) => Number(formatInteger(value).replaceAll(',', '')) === value));
  });
  it('keeps three significant digits', () => {
    assert.equal(formatDecimal(0.012345), '0.0123');
    assert.equal(formatDecimal(4.5678), '4.57');
    assert.equal(formatDecimal(45.678), '45.7');
    assert.equal(formatDecimal(4567.8), '4,568');
    assert.equal(formatDecimal(7), '7');
  });
  it('says 0 % and 100 % only where they are exact', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), fc.nat(), (whole, seed) => {
        const part = seed % (whole + 1);
        const text = formatShare(part, whole);
        assert.equal(text === '0\u00a0%', part === 0);
        assert.equal(text === '100\u00a0%', part === whole);
      }),
    );
    assert.equal(formatShare(1, 1_000_000), 'under 0.01\u00a0%');
    assert.equal(formatShare(999_999, 1_000_000), 'over 99.99\u00a0%');
    assert.equal(formatShare(1, 8), '12.5\u00a0%');
    assert.equal(formatShare(0, 0), 'none to count');
  });
  it('words changes in both directions', () => {
    assert.equal(formatChange(10, 10), '=');
    assert.equal(formatChange(100, 112), '+12\u00a0%');
    assert.equal(formatChange(100, 55), '−45\u00a0%');
    assert.equal(formatChange(10, 31), '×3.10');
    assert.equal(formatChange(82, 10), '÷8.20');
    assert.equal(formatChange(0, 5), 'from 0');
    assert.equal(formatChange(5, 0), 'to 0');
    assert.equal(describeChange(100, 112, WORDS), '12\u00a0% more');
    assert.equal(describeChange(100, 55, WORDS), '45\u00a0% fewer');
    assert.equal(describeChange(10, 30, WORDS), '3 times as many');
    assert.equal(describeChange(30, 10, WORDS), '3 times fewer');
    assert.equal(describeChange(3, 3, WORDS), 'the same');
    assert.equal(describeChange(0, 3, WORDS), 'more, from none');
    assert.equal(describeChange(3, 0, WORDS), 'none at all');
  });
  it('joins and counts', () => {
    assert.equal(joinWords([]), '');
    assert.equal(joinWords(['a', 'b', 'c']), 'a, b and c');
    assert.equal(plural(1, 'entry', 'entries'), '1 entry');
    assert.equal(plural(2000, 'entry', 'entries'), '2,000 entries');
  });
});
