// Every page, open dialog and open menu, for each kind of user: axe finds no violation, and the page fits a narrow screen.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inBothSchemes, unfit, violations } from './accessible.mjs';
import { start, stop, url, visit } from './scrip.mjs';
import { SIGNED_OUT, VIEWS } from './views.mjs';

before(() => start());
after(stop);

const CHECKS = [[1280, inBothSchemes], [360, alsoAt320]];
// A visit has a time limit, so accounts with many views get several visits.
const VIEWS_OF_A_VISIT = 25;

// The smallest screen shows the same as a phone's, so the page need not be opened again.
async function alsoAt320(page, name) {
  const found = await inBothSchemes(page, name);
  const { width, height } = page.viewportSize();
  await page.setViewportSize({ width: 320, height });
  found.push(...(await unfit(page, `${name} at 320 px`)));
  await page.setViewportSize({ width, height });
  return found;
}

async function checkAll(page, views, check) {
  const found = [];
  for (const view of views) {
    await view.show(page);
    found.push(...(await check(page, view.name)));
  }
  assert.deepEqual(found, []);
}

for (const [width, check] of CHECKS) {
  test(`signed-out pages have no violation at ${width} px`, () =>
    visit({ width }, (page) => checkAll(page, SIGNED_OUT, check)));
  for (const [account, views] of Object.entries(VIEWS)) {
    for (let from = 0; from < views.length; from += VIEWS_OF_A_VISIT) {
      test(`the ${account}'s pages have no violation at ${width} px, from ${views[from].name} on`, () =>
        visit({ as: account, width }, (page) => checkAll(page, views.slice(from, from + VIEWS_OF_A_VISIT), check)));
    }
  }
}

test('a chosen colour scheme is kept and overrides the system\'s', () =>
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
