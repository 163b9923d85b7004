// Personal access tokens created, used and revoked, and the page that documents the API.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isAccessible } from './accessible.mjs';
import { givePassword, isIn, setUpApp, turnOff } from './authenticator.mjs';
import { actionWindow, fromAccountMenu, notice, start, stop, url, visit } from './scrip.mjs';

before(() => start());
after(stop);

const CELLS = [
  { width: 1280, scheme: 'light', script: true },
  { width: 360, scheme: 'dark', script: false },
  { width: 320, scheme: 'dark', script: true },
];

const summaryWith = (token) =>
  fetch(url('/api/credits/summary'), { headers: { authorization: `Bearer ${token}` } });

async function openTokens(page) {
  await fromAccountMenu(page, 'Account settings');
  await page.getByRole('link', { name: 'API: Access tokens' }).click();
  await page.getByRole('heading', { level: 2, name: 'Access tokens' }).waitFor();
}

async function addToken(page, name) {
  await page.getByRole('link', { name: 'Add new access token' }).first().click();
  const place = await actionWindow(page, 'Add new access token');
  await isAccessible(page, 'new token');
  await place.getByLabel('Name', { exact: true }).fill(name);
  await place.getByRole('checkbox', { name: /^credit_transfer_codes:list / }).uncheck();
  await place.getByRole('button', { name: 'Save Personal Access Token' }).click();
  await place.getByRole('alert').waitFor();
  await isAccessible(page, 'new token, refused');
  assert.equal(await place.getByLabel('Name', { exact: true }).inputValue(), name);
  await place.getByRole('checkbox', { name: /^credits:read / }).check();
  await place.getByRole('button', { name: 'Save Personal Access Token' }).click();
  const made = await actionWindow(page, 'Personal access token');
  await made.getByText('WARNING: this is the only time it is shown.').waitFor();
  await isAccessible(page, 'token that was made');
  const text = await made.getByText(/^scrip_pat_/).innerText();
  // However the dialog is closed, the list behind it shows the token.
  if (page.hasScript) await made.getByRole('button', { name: 'Close' }).click();
  else await made.getByRole('link', { name: 'To the access tokens' }).click();
  await page.getByRole('row').filter({ hasText: name }).getByText('credits:read').waitFor();
  return text;
}

async function revoke(page, name) {
  await page.getByRole('link', { name: `Revoke ${name}`, exact: true }).click();
  const place = await actionWindow(page, 'Revoke access token');
  await isAccessible(page, 'revoke');
  await place.getByRole('button', { name: 'Revoke', exact: true }).click();
  await notice(page, 'Revoke');
  assert.equal(await page.getByRole('row').filter({ hasText: name }).count(), 0);
}

for (const cell of CELLS) {
  test(`a token can be created, used and revoked (${cell.width} px, ${cell.script ? 'with' : 'without'} script)`, () =>
    visit(cell, async (page) => {
      const email = 'iberia@scrip.test';
      await givePassword(page, email);
      await isIn(page, email);
      await openTokens(page);
      await page.getByRole('heading', { name: 'Two-factor authentication comes first' }).waitFor();
      await setUpApp(page);
      await openTokens(page);
      await isAccessible(page, 'access tokens');
      const token = await addToken(page, 'Billing export');
      const answer = await summaryWith(token);
      assert.equal(answer.status, 200);
      assert.equal((await answer.json()).success, true);
      await page.goto(url('/account/tokens/new'));
      await isAccessible(page, 'new token as a page');
      await page.goto(url('/account/tokens'));
      await revoke(page, 'Billing export');
      assert.equal((await summaryWith(token)).status, 401);
      await turnOff(page);
    }));
}

// The page is Swagger UI, so we do not check its markup, only that it works under our content security policy.
test('the API page loads only from this server and fits a phone', () =>
  visit({ width: 360 }, async (page) => {
    await page.goto(url('/api/docs'));
    const summary = page.locator('.opblock').filter({ hasText: '/api/credits/summary' });
    await summary.getByRole('button').first().click();
    await summary.getByRole('button', { name: 'Try it out' }).waitFor();
    await summary.locator('.responses-table').first().waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it scrolls sideways');
  }));
