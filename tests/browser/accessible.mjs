// Checks pages with axe, in both colour schemes.

import assert from 'node:assert/strict';
import axe from 'axe-core';
import { lookAt } from './scrip.mjs';

// A scheme changes only colours, and a width only what fits: the other rules need not be run again for them.
const OF_COLOUR = ['color-contrast', 'link-in-text-block'];
const OF_SIZE = ['target-size'];

/** The violations on the page as it is now; of all rules if none are named. */
export async function violations(page, rules = []) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  // The target size is not in axe's default rules, but in ours. Skip it while a menu is open, which covers other targets.
  const found = await page.evaluate((only) => {
    const isCovered = document.querySelector('details[open], [popover]:popover-open') !== null;
    return window.axe.run(document, {
      resultTypes: ['violations'], rules: { 'target-size': { enabled: !isCovered } },
      ...(only.length && { runOnly: { type: 'rule', values: only } }),
    });
  }, rules);
  return found.violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
}

const setScheme = (page, colorScheme) => page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });

/** The violations on the page in its current state, light and dark. */
export async function inBothSchemes(page, name) {
  const found = [];
  for (const [scheme, rules] of [['light', []], ['dark', OF_COLOUR]]) {
    await setScheme(page, scheme);
    await lookAt(page);
    for (const violation of await violations(page, rules)) found.push(`${name}, ${scheme}: ${violation}`);
  }
  return found;
}

/** What does not fit on the page in its current state, when it has no violation at another width. */
export async function unfit(page, name) {
  await setScheme(page, 'light');
  await lookAt(page);
  return (await violations(page, OF_SIZE)).map((violation) => `${name}: ${violation}`);
}

/** Asserts that the page in its current state has no violation. (axe needs script; without it the page is the same.) */
export async function isAccessible(page, name) {
  if (!page.hasScript) return;
  assert.deepEqual(await inBothSchemes(page, name), []);
}
