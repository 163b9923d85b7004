// The third reference: vouchers and licences bought, paid, passed on and used, with accessible names and roles only.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isAccessible } from './accessible.mjs';
import {
  actionWindow, balanceInAccountMenu, chooseCompany, command, download, eachOf, FEW, go, notice, start, stop, url, visit,
} from './scrip.mjs';

before(() => start());
after(stop);

const CELLS = [];
for (const script of [true, false]) CELLS.push({ width: 1280, scheme: 'light', script }, { width: 360, scheme: 'dark', script });

/* ---- Steps ---- */

async function fillVoucher(page, { name, years, subscriptions, type, codes, total }) {
  await page.getByLabel('Voucher name').fill(name);
  await page.getByLabel('Number of years').fill(String(years));
  await page.getByLabel('Number of subscriptions').fill(String(subscriptions));
  await page.getByLabel('Subscription type').selectOption({ label: type });
  // Folded away, because most vouchers are one code.
  if (!(await page.getByLabel('Number of codes').isVisible())) await page.getByText('Several codes', { exact: true }).click();
  await page.getByLabel('Number of codes').fill(String(codes));
  if (!page.hasScript) await page.getByRole('button', { name: 'Show the total' }).click();
  await page.getByRole('term').filter({ hasText: 'Total' }).locator('xpath=following-sibling::dd').getByText(total).waitFor();
}

/** Places the open order; returns its number. */
async function place(page, method, total) {
  await page.getByRole('heading', { level: 1, name: 'Check the order' }).waitFor();
  await isAccessible(page, 'check the order');
  await page.getByRole('radio', { name: new RegExp(`^${method}`) }).check();
  await page.getByRole('button', { name: `Place the order for ${total}` }).click();
  await notice(page, 'Order');
  return page.url().match(/orders\/(\d+)/)[1];
}

async function openOrder(page, order) {
  await go(page, 'Payments');
  await page.getByRole('link', { name: `Licence keys detail of order ${order}` }).click();
  await page.getByRole('heading', { level: 1, name: `Order ${order}` }).waitFor();
}

async function markAsPaid(order) {
  await visit({ as: 'operator' }, async (page) => {
    await page.goto(url('/'));
    await openOrder(page, order);
    await page.getByRole('link', { name: 'Mark as paid' }).click();
    const place = await actionWindow(page, 'Mark as paid');
    await place.getByLabel('Reference').fill('Statement 12');
    await place.getByRole('button', { name: 'Mark as paid' }).click();
    assert.match(await notice(page, 'Pay'), /is paid/);
  });
}

async function payByTestCard(page, total) {
  await page.getByRole('button', { name: `Pay ${total} by card` }).click();
  await page.getByRole('link', { name: 'Continue to the card payment' }).click();
  await page.getByText('Test card — no money moves.').waitFor();
  await isAccessible(page, 'test card');
  await page.getByRole('button', { name: `Pay ${total}` }).click();
  await page.getByRole('heading', { level: 1, name: /^Order/ }).waitFor();
}

const codesOn = async (page) => [...new Set((await page.getByRole('main').innerText()).match(/([0-9A-Z]{4}-){4}[0-9A-Z]{4}/g))];

/** Opens a prepared voucher; returns its codes, as they are copied. */
async function codesOf(page, order, name) {
  await openOrder(page, order);
  await page.getByRole('heading', { name: 'Licence keys detail' }).waitFor();
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
  await isAccessible(page, 'voucher');
  const codes = await codesOn(page);
  if (page.hasScript) {
    await page.getByRole('button', { name: 'Copy all codes' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), codes.join('\n'));
  }
  return codes;
}

/** Opens one of the options of Subscriptions, licences. */
async function option(page, name, heading = name) {
  await go(page, 'Subscriptions, licences');
  await page.getByRole('main').getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

async function redeem(cell, code, { units, type, company }) {
  await visit({ as: 'customer', ...cell }, async (page) => {
    await page.goto(url('/'));
    const before = await balanceInAccountMenu(page, type);
    await option(page, 'Use your voucher');
    await isAccessible(page, 'use your voucher');
    await page.getByLabel('Voucher code', { exact: true }).fill(code);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { level: 1, name: 'Extend your subscription' }).waitFor();
    await page.getByText(`${units} ${type}`, { exact: true }).waitFor();
    await isAccessible(page, 'voucher, checked');
    await page.getByRole('button', { name: 'Confirm', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'You received the credits from the voucher' }).waitFor();
    await page.getByRole('main').getByText(company).waitFor();
    await isAccessible(page, 'voucher, received');
    assert.equal(await balanceInAccountMenu(page, type), before + units);
  });
}

/* ---- Vouchers ---- */

eachOf(CELLS, 'a voucher is bought by invoice, paid, passed on and redeemed', async (cell) => {
  const name = `Harbour ${cell.width} ${cell.script}`;
  let order;
  await visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/'));
    await option(page, 'Buy vouchers');
    await fillVoucher(page, { name, years: 1, subscriptions: 10, type: 'Device', codes: 2, total: '145.20 EUR' });
    await isAccessible(page, 'buy vouchers');
    await page.getByRole('button', { name: 'Check the order' }).click();
    order = await place(page, 'Invoice', '145.20 EUR');
    await page.getByText('What was bought is not ready yet.').waitFor();
    await isAccessible(page, 'order that is not paid');
    const invoice = await download(page, () => page.getByRole('link', { name: /^Download PDF of INV-/ }).click());
    assert.match(invoice.text, /^%PDF-/);
  });
  await markAsPaid(order);
  let codes;
  await visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/'));
    codes = await codesOf(page, order, name);
    assert.equal(codes.length, 2);
    const csv = await download(page, () => page.getByRole('link', { name: 'Download CSV' }).click());
    for (const code of codes) assert.match(csv.text, new RegExp(code));
    await page.getByRole('link', { name: 'Print all codes' }).click();
    await page.getByRole('heading', { level: 1, name: 'Sheet of codes' }).waitFor();
    assert.equal(await page.getByRole('img', { name: 'QR code of the redeem link' }).count(), 2);
    assert.deepEqual(await codesOn(page), codes);
  });
  await redeem(cell, codes[0], { units: 5, type: 'Device subscription', company: 'Harbour Café' });
  await visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/payments/vouchers'));
    await page.getByRole('row').filter({ hasText: codes[1] }).waitFor();
    assert.equal(await page.getByRole('row').filter({ hasText: codes[0] }).count(), 0);
    await page.getByRole('link', { name: 'Used', exact: true }).click();
    assert.match(await page.getByRole('row').filter({ hasText: codes[0] }).innerText(), /Used[\s\S]*Harbour Café/);
    assert.equal(await page.getByRole('row').filter({ hasText: codes[1] }).count(), 0);
  });
});

eachOf(CELLS, 'two vouchers are bought by card at once', (cell) =>
  visit({ as: 'iberia', ...cell }, async (page) => {
    await page.goto(url('/'));
    await option(page, 'Buy vouchers');
    await fillVoucher(page, { name: 'Flats', years: 2, subscriptions: 3, type: 'Apartment', codes: 1, total: '108.00 EUR' });
    await page.getByRole('button', { name: 'Check the order' }).click();
    await page.getByRole('link', { name: 'Add another voucher' }).click();
    await fillVoucher(page, { name: 'Doors', years: 1, subscriptions: 4, type: 'Device', codes: 4, total: '48.00 EUR' });
    await page.getByRole('button', { name: 'Check the order' }).click();
    const order = await place(page, 'Card', '156.00 EUR');
    await payByTestCard(page, '156.00 EUR');
    assert.equal((await codesOf(page, order, 'Flats')).length, 1);
    assert.equal((await codesOf(page, order, 'Doors')).length, 4);
  }));

eachOf(FEW, 'an invalid order is explained beside its field', (cell) =>
  visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/buy/vouchers'));
    await page.getByLabel('Voucher name').fill('Too many years');
    await page.getByLabel('Number of years').fill('11');
    await page.getByRole('button', { name: 'Check the order' }).click();
    await page.getByText('Enter a whole number of years from 1 to 10.').last().waitFor();
    assert.equal(await page.getByLabel('Voucher name').inputValue(), 'Too many years');
    assert.equal(await page.getByLabel('Number of years').inputValue(), '11');
  }));

eachOf(FEW, 'a lost code can be replaced, and another one cancelled', (cell) =>
  visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/buy/vouchers'));
    const name = `Lost ${cell.width}`;
    await fillVoucher(page, { name, years: 1, subscriptions: 2, type: 'Device', codes: 2, total: '29.04 EUR' });
    await page.getByRole('button', { name: 'Check the order' }).click();
    const order = await place(page, 'Card', '29.04 EUR');
    await payByTestCard(page, '29.04 EUR');
    const [lost, other] = await codesOf(page, order, name);
    await page.getByRole('link', { name: `Replace code ${lost}` }).click();
    await (await actionWindow(page, 'Replace code')).getByRole('button', { name: 'Replace' }).click();
    await notice(page, 'Replace');
    assert.match(await page.getByRole('row').filter({ hasText: lost }).innerText(), /Replaced[\s\S]*replaced by code/);
    await page.getByRole('checkbox', { name: `Choose code ${other}` }).check();
    await page.getByRole('button', { name: 'Cancel chosen' }).click();
    await page.getByRole('heading', { level: 1, name: 'Cancel vouchers' }).waitFor();
    await isAccessible(page, 'cancel vouchers');
    await page.getByRole('button', { name: 'Cancel vouchers' }).click();
    assert.match(await notice(page, 'Cancel'), /Credit note CN-/);
    await page.getByRole('link', { name: 'Cancelled', exact: true }).click();
    assert.match(await page.getByRole('row').filter({ hasText: other }).innerText(), /Cancelled/);
  }));

eachOf(CELLS, 'a company buys for its own pool by card', (cell) =>
  visit({ as: 'admin', ...cell }, async (page) => {
    await page.goto(url('/'));
    await option(page, 'Buy for your own pool');
    await page.getByLabel('Number of subscriptions').fill('20');
    await page.getByLabel('Subscription type').selectOption({ label: 'Credit' });
    if (!page.hasScript) await page.getByRole('button', { name: 'Show the total' }).click();
    await page.getByRole('term').filter({ hasText: 'Total' }).locator('xpath=following-sibling::dd').getByText('24.20 EUR').waitFor();
    await isAccessible(page, 'buy for the own pool');
    await page.getByRole('button', { name: 'Check the order' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Acme Logistics GmbH');
    await page.getByLabel('Address', { exact: true }).fill('Hafenstraße 5');
    await page.getByLabel('Country').selectOption('DE');
    await page.getByLabel('E-mail').fill('billing@acme.test');
    const order = await place(page, 'Card', '24.20 EUR');
    await payByTestCard(page, '24.20 EUR');
    await openOrder(page, order);
    await page.getByRole('heading', { level: 2, name: 'In the own pool' }).waitFor();
    await page.getByText('20 Credit', { exact: true }).waitFor();
    await isAccessible(page, 'order for the own pool');
  }));

/* ---- Licences ---- */

/** The console's report on a key, checked with the portal's public key. */
async function verified(key, serial) {
  const folder = mkdtempSync(join(tmpdir(), 'scrip-'));
  try {
    const publicKey = join(folder, 'public-key');
    writeFileSync(publicKey, await (await fetch(url('/licences/public-key'))).text());
    return command('licence', 'verify', key, '--serial', serial, '--public-key', publicKey);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

eachOf(CELLS, 'a licence is bought for a serial number, and its key is valid', async (cell) => {
  const serial = `7-${cell.width}-${cell.script ? 1 : 0}`;
  await visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/'));
    await option(page, 'Buy licences');
    await isAccessible(page, 'buy licences');
    await page.getByLabel('Serial numbers').fill(serial);
    await page.getByRole('button', { name: 'Choose licences' }).click();
    await page.getByRole('heading', { level: 1, name: 'Choose licences' }).waitFor();
    await page.getByRole('checkbox', { name: /^Lift control, 48\.00 EUR/ }).check();
    await page.getByRole('checkbox', { name: /^I have compared the models/ }).check();
    await isAccessible(page, 'choose licences');
    await page.getByRole('button', { name: 'Check the order' }).click();
    const order = await place(page, 'Card', '58.08 EUR');
    await payByTestCard(page, '58.08 EUR');
    await openOrder(page, order);
    const row = page.getByRole('row').filter({ hasText: serial });
    const file = await download(page, () => row.getByRole('link', { name: /^Download/ }).click());
    const key = file.text.trim();
    assert.match(await verified(key, serial), new RegExp(serial));
    await page.getByRole('link', { name: `Lift control for ${serial}`, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Lift control' }).waitFor();
    await isAccessible(page, 'licence');
    assert.ok((await page.getByRole('main').innerText()).includes(key));
  });
});

/* ---- Who may buy ---- */

test('a company that is not activated sees a notice, and can buy once the operator activates it', async () => {
  const asAcme = (story) => visit({ as: 'admin' }, async (page) => {
    await page.goto(url('/'));
    await option(page, /vouchers$/, 'Buy vouchers');
    await story(page);
  });
  const asOperator = (story) => visit({ as: 'operator' }, async (page) => {
    await page.goto(url('/'));
    await go(page, 'Distributors');
    await story(page);
  });
  await asAcme((page) => page.getByText('Acme Logistics is not activated for buying').waitFor());
  await asOperator(async (page) => {
    await page.getByRole('link', { name: 'Activate a company' }).click();
    const place = await actionWindow(page, 'Activate a company');
    await chooseCompany(place.getByLabel('Company'), 'Acme Logistics');
    await place.getByRole('button', { name: 'Activate' }).click();
    await notice(page, 'Activate');
  });
  await asAcme((page) => page.getByLabel('Voucher name').waitFor());
  await asOperator(async (page) => {
    await page.getByRole('link', { name: 'Deactivate Acme Logistics' }).click();
    const place = await actionWindow(page, 'Deactivate a distributor');
    await place.getByRole('button', { name: 'Deactivate' }).click();
    await notice(page, 'Deactivate');
  });
  await asAcme((page) => page.getByText('Acme Logistics is not activated for buying').waitFor());
});
