// Everything by keyboard alone: no test in this file clicks.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { actionWindow, notice, start, stop, until, url, visit } from './scrip.mjs';

before(() => start());
after(stop);

// The focused element as a screen reader announces it: 'link "Move resources"'.
async function focused(page) {
  const snapshot = await page.locator(':focus').ariaSnapshot();
  return snapshot.match(/^- ([a-z]+(?: "[^"]*")?)/)?.[1];
}

async function tabTo(page, wanted) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await focused(page)) === wanted) return;
  }
  assert.fail(`Tab does not reach ${wanted}`);
}

async function openMoveWindow(page) {
  await page.goto(url('/companies'));
  await tabTo(page, 'link "Move resources"');
  await page.keyboard.press('Enter');
  return actionWindow(page, 'Move resources');
}

test('the first Tab reaches the skip link, which skips the navigation', () =>
  visit({ as: 'operator' }, async (page) => {
    await page.goto(url('/history'));
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'link "Skip to content"');
    assert.ok(await page.locator(':focus').isVisible());
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'combobox "Action"');
  }));

test('a user can sign in', () =>
  visit({}, async (page) => {
    await page.goto(url('/sign-in'));
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'textbox "E-mail"');
    await page.keyboard.type('distributor@scrip.test');
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'textbox "Password"');
    await page.keyboard.type('scrip-demo');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  }));

test('the Move dialog takes the focus, has its fields in order and returns the focus', () =>
  visit({ as: 'distributor' }, async (page) => {
    const place = await openMoveWindow(page);
    const order = [await focused(page)];
    for (let presses = 0; presses < 6; presses += 1) {
      await page.keyboard.press('Tab');
      order.push(await focused(page));
    }
    assert.deepEqual(order, [
      'combobox "Type"', 'combobox "Company from"', 'combobox "Company to"', 'textbox "Amount"',
      'button "All"', 'button "Move"', 'link "Cancel"',
    ]);
    await page.keyboard.press('Escape');
    await place.waitFor({ state: 'detached' });
    assert.equal(await focused(page), 'link "Move resources"');
  }));

test('a refused move keeps its input, says why beside the field, and succeeds once corrected', () =>
  visit({ as: 'distributor' }, async (page) => {
    const place = await openMoveWindow(page);
    await page.keyboard.press('Tab');
    await page.keyboard.type('Baltic');
    await page.keyboard.press('Tab');
    await page.keyboard.type('Vilnius');
    await page.keyboard.press('Tab');
    await page.keyboard.type('123456789');
    await page.keyboard.press('Enter');

    const summary = place.getByRole('alert');
    await summary.waitFor();
    await until(() => summary.evaluate((element) => element === document.activeElement), 'the summary has the focus');
    assert.match(await summary.innerText(), /Nothing was changed[\s\S]*Baltic Distribution has [\d,]+ Credit/);
    const amount = place.getByLabel('Amount');
    assert.equal(await amount.inputValue(), '123456789');
    assert.match(await place.getByLabel('Company from').locator('option:checked').innerText(), /^Baltic Distribution/);
    assert.match(await place.getByLabel('Company to').locator('option:checked').innerText(), /^Vilnius Water/);
    assert.equal(await amount.getAttribute('aria-invalid'), 'true');
    const reason = await amount.evaluate((field) => document.getElementById(field.getAttribute('aria-describedby')).textContent);
    assert.match(reason, /Enter that many or fewer/);

    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await focused(page), 'textbox "Amount"', 'the summary leads to the field');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('2');
    await page.keyboard.press('Enter');
    assert.match(await notice(page, 'Move'), /2 Credit moved from Baltic Distribution to Vilnius Water\./);
  }));

test('a refused form without script keeps its input, and its summary has the focus', () =>
  visit({ as: 'distributor', script: false }, async (page) => {
    await page.goto(url('/redeem'));
    await tabTo(page, 'textbox "Code"');
    await page.keyboard.type('AAAA-BBBB');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    assert.ok(await page.getByRole('alert').evaluate((element) => element === document.activeElement));
    assert.equal(await page.getByLabel('Code', { exact: true }).inputValue(), 'AAAA-BBBB');
  }));

test('a dialog opened from a row\'s menu returns the focus to the menu', () =>
  visit({ as: 'distributor' }, async (page) => {
    await page.goto(url('/companies'));
    const menu = page.getByLabel('Actions for Riga Trams', { exact: true });
    await menu.focus();
    await page.keyboard.press('Enter');
    await tabTo(page, 'link "Rename"');
    await page.keyboard.press('Enter');
    const place = await actionWindow(page, 'Rename company');
    await page.keyboard.press('Escape');
    await place.waitFor({ state: 'detached' });
    assert.ok(await menu.evaluate((element) => element === document.activeElement));

    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Rename' }).filter({ visible: true }).waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await page.getByRole('link', { name: 'Rename' }).filter({ visible: true }).count(), 0);
    assert.ok(await menu.evaluate((element) => element === document.activeElement));
  }));

test('the account menu opens, closes with Escape, and its links work', () =>
  visit({ as: 'customer' }, async (page) => {
    await page.goto(url('/'));
    const button = page.getByRole('button', { name: /^Account menu/ });
    await button.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Resource summary' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'Resource summary' }).waitFor({ state: 'hidden' });
    assert.ok(await button.evaluate((element) => element === document.activeElement));
    await page.keyboard.press('Enter');
    await tabTo(page, 'link "Resource summary"');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Resource summary' }).waitFor();
  }));
