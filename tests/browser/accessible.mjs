// Checks pages with axe, in both colour schemes.

import assert from 'node:assert/strict';
import axe from 'axe-core';
import { lookAt } from './scrip.mjs';

export async function violations(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  // The target size is not in axe's default rules, but in ours. Skip it while a menu is open, which covers other targets.
  const found = await page.evaluate(() => {
    const isCovered = document.querySelector('details[open], [popover]:popover-open') !== null;
    return window.axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: !isCovered } } });
  });
  return found.violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
}

/** The violations on the page in its current state, light and dark. */
export async function inBothSchemes(page, name) {
  const found = [];
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await lookAt(page);
    for (const violation of await violations(page)) found.push(`${name}, ${scheme}: ${violation}`);
  }
  return found;
}

/** Asserts that the page in its current state has no violation. (axe needs script; without it the page is the same.) */
export async function isAccessible(page, name) {
  if (!page.hasScript) return;
  assert.deepEqual(await inBothSchemes(page, name), []);
}
