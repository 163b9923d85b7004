// Every page, open window and open menu, for each kind of person, through axe: no violation.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import { lookAt, start, stop, url, visit } from './scrip.mjs';
import { SIGNED_OUT, VIEWS } from './views.mjs';

before(start);
after(stop);

const WIDTHS = [1280, 360, 320];


async function violations(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  // The size of targets is no rule of axe's usual set, but one of ours. What an open menu covers is no target.
  const found = await page.evaluate(() => {
    const isCovered = document.querySelector('details[open], [popover]:popover-open') !== null;
    return window.axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: !isCovered } } });
  });
  return found.violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
}

async function checkAll(page, views) {
  const found = [];
  for (const view of views) {
    await view.show(page);
    for (const scheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      await lookAt(page);
      for (const violation of await violations(page)) found.push(`${view.name}, ${scheme}: ${violation}`);
    }
  }
  assert.deepEqual(found, []);
}

for (const width of WIDTHS) {
  test(`signed-out pages have no violation at ${width} px`, () =>
    visit({ width }, (page) => checkAll(page, SIGNED_OUT)));
  for (const [account, views] of Object.entries(VIEWS)) {
    test(`what the ${account} sees has no violation at ${width} px`, () =>
      visit({ as: account, width }, (page) => checkAll(page, views)));
  }
}

test('the colours that a person chose are kept, against the system\'s', () =>
  visit({ as: 'customer', scheme: 'light' }, async (page) => {
    const isDark = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme === 'dark');
    await page.goto(url('/history'));
    await page.getByRole('button', { name: /^Account menu/ }).click();
    await page.getByRole('button', { name: 'Dark' }).click();
    await page.getByRole('button', { name: /^Account menu/ }).waitFor();
    assert.equal(page.url(), url('/history'));
    assert.ok(await isDark());
    await page.goto(url('/'));
    assert.ok(await isDark());
    assert.deepEqual(await violations(page), []);
  }));
