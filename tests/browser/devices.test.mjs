// Devices: added, given a service, imported, and served when units arrive.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { actionWindow, chooseCompany, notice, start, stop, until, url, visit } from './scrip.mjs';

before(start);
after(stop);

const CELLS = [
  { width: 1280, scheme: 'light', script: true },
  { width: 360, scheme: 'dark', script: false },
];

function eachOf(sentence, story) {
  for (const cell of CELLS) {
    test(`${sentence} (${cell.width} px, ${cell.script ? 'with' : 'without'} script)`, () => story(cell));
  }
}

const name = (text, cell) => `${text} ${cell.script ? 'with' : 'without'}`;
const rowOf = (page, device) => page.getByRole('row').filter({ hasText: device });

async function add(page, { serial, company, service }) {
  await page.goto(url('/devices'));
  await page.getByRole('link', { name: 'Add device', exact: true }).click();
  const place = await actionWindow(page, 'Add device');
  await place.getByLabel('Serial number').fill(serial);
  await chooseCompany(place.getByLabel('Company'), company);
  await place.getByLabel('Service').selectOption({ label: service });
  await place.getByRole('button', { name: 'Add', exact: true }).click();
  return notice(page, 'Create');
}

eachOf('a device waits until units arrive, and the dialogs say so', (cell) =>
  visit({ as: 'operator', ...cell }, async (page) => {
    const serial = name('WAIT', cell);
    const pump = { serial, company: 'Sevilla Solar', service: 'Device subscription' };
    assert.match(await add(page, pump), /It waits for units/);
    await page.getByRole('searchbox', { name: 'Search' }).fill(serial);
    await page.getByRole('button', { name: 'Filter' }).click();
    await rowOf(page, serial).getByText('Waiting').waitFor();
    await page.goto(url('/moves/new'));
    const main = page.getByRole('main');
    await main.getByLabel('Type').selectOption({ label: 'Device subscription' });
    await chooseCompany(main.getByLabel('Company from'), 'Nordlight Devices');
    await chooseCompany(main.getByLabel('Company to'), 'Sevilla Solar');
    await main.getByLabel('Amount').fill('1');
    if (!cell.script) await main.getByRole('button', { name: 'Show balances' }).click();
    await main.getByText('1 waiting device will be extended at once.').waitFor();
    await main.getByRole('button', { name: 'Move', exact: true }).click();
    assert.match(await notice(page, 'Move'), /1 waiting device was extended at once\./);
    await page.goto(url(`/devices?q=${serial}`));
    await rowOf(page, serial).getByText('Active').waitFor();
    await page.getByRole('link', { name: serial, exact: true }).click();
    await page.getByRole('cell', { name: '1 Device subscription' }).waitFor();
  }));

eachOf('a service is set for two devices at once', (cell) =>
  visit({ as: 'operator', ...cell }, async (page) => {
    const serials = [name('BULK 1', cell), name('BULK 2', cell)];
    for (const serial of serials) await add(page, { serial, company: 'Vilnius Water', service: 'None' });
    await page.goto(url('/devices?q=bulk'));
    for (const serial of serials) await page.getByRole('checkbox', { name: `Choose ${serial}`, exact: true }).check();
    await page.getByRole('button', { name: 'Set service' }).click();
    await page.getByRole('heading', { name: 'Set service' }).waitFor();
    await page.getByLabel('Service').selectOption({ label: 'Credit' });
    await page.getByLabel('Auto extend').selectOption({ label: 'On' });
    await page.getByRole('button', { name: 'Save' }).click();
    assert.match(await notice(page, 'Update'), /2 devices changed\. 2 units were used\./);
    for (const serial of serials) await rowOf(page, serial).getByText('Active').waitFor();
  }));

eachOf('a file is checked, then imported while the page shows the progress', (cell) =>
  visit({ as: 'operator', ...cell }, async (page) => {
    const word = cell.script ? 'WITH' : 'WITHOUT';
    const rows = Array.from({ length: 300 }, (_, n) => `${word}-${n},Porto Parking Ribeira`);
    const text = ['serial,company', ...rows, ',Nobody', `${word}-7,`].join('\n');
    await page.goto(url('/devices'));
    await page.getByRole('link', { name: 'Import devices' }).click();
    const place = await actionWindow(page, 'Import devices');
    await place.getByLabel('CSV file').setInputFiles({ name: 'devices.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await place.getByRole('button', { name: 'Check' }).click();
    assert.match(await notice(page, 'Check'), /300 rows can be added, 2 rows cannot\./);
    await page.getByRole('row').filter({ hasText: '302' }).getByText('The serial number is missing.').waitFor();
    await page.getByRole('row').filter({ hasText: '303' }).getByText('Line 9 has the same serial number.').waitFor();
    await page.getByRole('button', { name: 'Add 300 devices' }).click();
    await page.getByText('of 300 rows dealt with').waitFor();
    const isDone = async () => {
      if (!cell.script) await page.reload();
      return page.getByText('300 of 300 rows dealt with, 300 devices added.').isVisible();
    };
    await until(isDone, 'the import is done');
    await page.goto(url(`/devices?q=${word}-299`));
    await rowOf(page, `${word}-299`).getByText('Porto Parking Ribeira').waitFor();
  }));

test('a device can be added by keyboard alone', () =>
  visit({ as: 'operator' }, async (page) => {
    await page.goto(url('/devices'));
    await page.getByRole('link', { name: 'Add device', exact: true }).focus();
    await page.keyboard.press('Enter');
    await actionWindow(page, 'Add device');
    for (const text of ['', 'KEYS 1', 'Gate']) {
      if (text) await page.keyboard.type(text);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await notice(page, 'Create');
    await page.goto(url('/devices?q=keys'));
    await rowOf(page, 'KEYS 1').getByText('Gate').waitFor();
  }));
