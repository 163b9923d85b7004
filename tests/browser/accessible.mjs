// What axe says of a page, in both colour schemes.

import assert from 'node:assert/strict';
import axe from 'axe-core';
import { lookAt } from './scrip.mjs';

export async function violations(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  // The size of targets is no rule of axe's usual set, but one of ours. What an open menu covers is no target.
  const found = await page.evaluate(() => {
    const isCovered = document.querySelector('details[open], [popover]:popover-open') !== null;
    return window.axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: !isCovered } } });
  });
  return found.violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
}

/** What is wrong with the page as it is open now, light and dark. */
export async function inBothSchemes(page, name) {
  const found = [];
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await lookAt(page);
    for (const violation of await violations(page)) found.push(`${name}, ${scheme}: ${violation}`);
  }
  return found;
}

/** Fails where the page as it is open now has a violation. (axe needs script; the page is the same without.) */
export async function isAccessible(page, name) {
  if (!page.hasScript) return;
  assert.deepEqual(await inBothSchemes(page, name), []);
}
