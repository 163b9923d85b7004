// Every flow of the reference, using only accessible names and roles.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  actionWindow, balanceInAccountMenu, CELLS, chooseCompany, download, eachOf, FEW, fromAccountMenu, fromRowMenu, go,
  isNarrow, notice, number, openAccountMenu, signIn, start, stop, until, url, visit,
} from './scrip.mjs';

before(() => start());
after(stop);

/* ---- Steps ---- */

// The balances of a company in the dialog: "Acme 620 Credit → 615".
async function balancesShown(place, company, type) {
  const line = place.getByRole('term').filter({ hasText: company }).locator('xpath=following-sibling::dd');
  await line.filter({ hasText: '→' }).waitFor();
  const numbers = (await line.innerText()).match(/\d[\d,]*/g).map(number); // also those in the type's name
  const [before, later] = [numbers[0], numbers.at(-1)];
  assert.match(await line.innerText(), new RegExp(type));
  return { before, later };
}

async function fillMove(page, { type = 'Credit', from, to, amount }) {
  const place = await actionWindow(page, 'Move resources');
  await place.getByLabel('Type').selectOption({ label: type });
  await chooseCompany(place.getByLabel('Company from'), from);
  await chooseCompany(place.getByLabel('Company to'), to);
  await place.getByLabel('Amount').fill(String(amount));
  return place;
}

// Moves resources, after checking both balances in the dialog.
async function move(page, order) {
  let place = await fillMove(page, order);
  if (!page.hasScript) {
    await place.getByRole('button', { name: 'Show balances' }).click();
    place = await actionWindow(page, 'Move resources');
  }
  const type = order.type ?? 'Credit';
  await until(async () => {
    const { before, later } = await balancesShown(place, order.from, type);
    return later === before - order.amount;
  }, 'the window shows what is left');
  const target = await balancesShown(place, order.to, type);
  assert.equal(target.later, target.before + order.amount);
  await place.getByRole('button', { name: 'Move', exact: true }).click();
  assert.match(await notice(page, 'Move'), new RegExp(`${order.amount} ${type} moved from ${order.from} to ${order.to}\\.`));
}

async function openCompany(page, name) {
  await go(page, 'Companies');
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

async function openSection(page, name) {
  await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name, exact: true }).click();
  await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name, exact: true, current: 'page' }).waitFor();
}

async function openResourcesTab(page) {
  await page.getByRole('navigation', { name: 'Company', exact: true }).getByRole('link', { name: 'Resources' }).click();
}

// Fills in the open dialog; returns the new code, which the list must show at once.
async function createCode(page, { type = 'Credit', amount, comment }) {
  const place = await actionWindow(page, 'Create new code');
  await place.getByLabel('Type').selectOption({ label: type });
  await place.getByLabel('Amount').fill(String(amount));
  await place.getByLabel('Comment').fill(comment);
  await place.getByRole('button', { name: 'Create', exact: true }).click();
  await notice(page, 'Create');
  const row = page.getByRole('row').filter({ hasText: comment });
  await row.waitFor();
  assert.match(await row.innerText(), new RegExp(`${amount}[\\s\\S]*Unused`));
  const code = (await row.innerText()).match(/([0-9A-Z]{4}-){4}[0-9A-Z]{4}/)[0];
  const copy = row.getByRole('button', { name: `Copy code ${code}` });
  if (page.hasScript) {
    await copy.click();
    await row.getByRole('button', { name: 'Copied' }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code);
  } else {
    assert.ok(!(await copy.isVisible()), 'a button that only script can work is not shown without it');
  }
  return code;
}

// A code of a company that is unrelated to most of the users who redeem it.
async function freshCode(amount) {
  let code;
  await visit({ as: 'distributor' }, async (page) => {
    await page.goto(url('/resources/codes'));
    await page.getByRole('link', { name: '+ Create code' }).first().click();
    code = await createCode(page, { amount, comment: `Made for a test, ${amount} units, ${Math.random()}` });
  });
  return code;
}

/* ---- The main flows, everywhere ---- */

eachOf(CELLS, 'resources can be moved from the top of the Companies page', (cell) =>
  visit({ as: 'operator', ...cell }, async (page) => {
    await page.goto(url('/'));
    await go(page, 'Companies');
    await page.getByRole('link', { name: 'Move resources' }).first().click();
    await move(page, { from: 'Nordlight Devices', to: 'Harbour Café', amount: 3 });
  }));

eachOf(CELLS, 'a code is created on Company details and appears at once', (cell) =>
  visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/'));
    await openCompany(page, 'Acme Logistics');
    await openResourcesTab(page);
    await openSection(page, 'Codes');
    await page.getByRole('link', { name: '+ Create code' }).first().click();
    const place = await actionWindow(page, 'Create new code');
    assert.match(await place.innerText(), /The code will belong to Acme Logistics\./);
    await createCode(page, { amount: 2, comment: `On details, ${cell.width} ${cell.scheme} ${cell.script}` });
  }));

eachOf(CELLS, 'a code can be activated from the account menu and its units arrive', async (cell) => {
  const code = await freshCode(4);
  await visit({ as: 'customer', ...cell }, async (page) => {
    await page.goto(url('/'));
    const before = await balanceInAccountMenu(page, 'Credit');
    await fromAccountMenu(page, 'Activate Code');
    await page.getByRole('heading', { level: 1, name: 'Redeem code' }).waitFor();
    await page.getByLabel('Code', { exact: true }).fill(code.toLowerCase().replaceAll('-', ' '));
    await page.getByRole('button', { name: 'Activate', exact: true }).click();
    assert.match(await notice(page, 'Activate'), /4 Credit added to Harbour Café\./);
    assert.equal(await balanceInAccountMenu(page, 'Credit'), before + 4);
    await fromAccountMenu(page, 'Resource summary');
    const row = page.getByRole('row').filter({ hasText: /Credit/ });
    assert.match(await row.first().innerText(), new RegExp(String(before + 4)));
  });
});

/* ---- Moving, from the other places ---- */

eachOf(FEW, 'resources can be moved from a company\'s menu in the list', (cell) =>
  visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/companies'));
    await fromRowMenu(page, 'Acme Logistics', 'Move resources');
    const place = await actionWindow(page, 'Move resources');
    assert.match(await place.getByLabel('Company from').locator('option:checked').innerText(), /^Acme Logistics \(#/);
    await move(page, { from: 'Acme Logistics', to: 'Riga Trams', amount: 2 });
  }));

eachOf(FEW, 'resources can be moved on the Resources tab of Company details, upwards too', (cell) =>
  visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/'));
    await openCompany(page, 'Riga Trams');
    await openResourcesTab(page);
    await openSection(page, 'Resources');
    await page.getByRole('link', { name: 'Move resources' }).click();
    await move(page, { from: 'Riga Trams', to: 'Baltic Distribution', amount: 1 });
  }));

eachOf(FEW, 'a management pack can be moved on the Resources page', (cell) =>
  visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/'));
    await go(page, 'Resources');
    await page.getByRole('link', { name: 'Move resources' }).click();
    await move(page, { type: 'Management pack 1 year', from: 'Baltic Distribution', to: 'Vilnius Water', amount: 1 });
  }));

/* ---- Codes ---- */

eachOf(FEW, 'a code created on the Resources page belongs to the user\'s company', (cell) =>
  visit({ as: 'admin', ...cell }, async (page) => {
    await page.goto(url('/'));
    await go(page, 'Resources');
    await openSection(page, 'Codes');
    await page.getByRole('link', { name: '+ Create code' }).first().click();
    const place = await actionWindow(page, 'Create new code');
    assert.match(await place.innerText(), /The code will belong to Acme Logistics\./);
    await createCode(page, { amount: 1, comment: `On Resources, ${cell.width}` });
  }));

const OWN_PLACES = [
  ['Company details', 'Resources'], ['Company details', 'Codes'], ['the Resources page', 'Resources'], ['the Resources page', 'Codes'],
];
for (const [place, section] of OWN_PLACES) {
  eachOf(FEW, `a code can be activated in the section ${section} of ${place}`, async (cell) => {
    const code = await freshCode(1);
    await visit({ as: 'admin', ...cell }, async (page) => {
      await page.goto(url('/'));
      if (place === 'Company details') {
        await openCompany(page, 'Acme Logistics');
        await openResourcesTab(page);
      } else {
        await go(page, 'Resources');
      }
      await openSection(page, section);
      await page.getByRole('link', { name: 'Activate Code' }).first().click();
      const action = await actionWindow(page, 'Redeem code');
      await action.getByLabel('Code', { exact: true }).fill(code);
      await action.getByRole('button', { name: 'Activate', exact: true }).click();
      assert.match(await notice(page, 'Activate'), /1 Credit added to Acme Logistics\./);
    });
  });
}

eachOf(FEW, 'a code can be checked first, then activated, and works only once', async (cell) => {
  const code = await freshCode(6);
  await visit({ as: 'customer', ...cell }, async (page) => {
    await page.goto(url('/redeem'));
    await page.getByLabel('Code', { exact: true }).fill(code);
    await page.getByRole('button', { name: 'Check first' }).click();
    await page.getByText(/6 Credit will be added to Harbour Café/).waitFor();
    await page.getByRole('button', { name: 'Activate', exact: true }).click();
    await notice(page, 'Activate');
    await page.goto(url('/redeem'));
    await page.getByLabel('Code', { exact: true }).fill(code);
    await page.getByRole('button', { name: 'Activate', exact: true }).click();
    await page.getByRole('alert').getByText(/already used/).waitFor();
    assert.equal(await page.getByLabel('Code', { exact: true }).inputValue(), code);
  });
});

eachOf(FEW, 'a comment can be edited, and deleting a code returns its units', (cell) =>
  visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/resources/codes'));
    const before = await balanceInAccountMenu(page, 'Credit');
    await page.getByRole('link', { name: '+ Create code' }).first().click();
    await createCode(page, { amount: 7, comment: `To be changed, ${cell.width}` });
    const menu = async (comment, item) => {
      const row = page.getByRole('row').filter({ hasText: comment });
      await row.getByLabel(/^Actions for code/).click();
      await row.getByRole('link', { name: item, exact: true }).click();
    };
    await menu(`To be changed, ${cell.width}`, 'Edit comment');
    const edit = await actionWindow(page, 'Edit comment');
    await edit.getByLabel('Comment').fill(`Changed, ${cell.width}`);
    await edit.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('row').filter({ hasText: `Changed, ${cell.width}` }).waitFor();
    assert.equal(await balanceInAccountMenu(page, 'Credit'), before - 7);
    await menu(`Changed, ${cell.width}`, 'Delete');
    const remove = await actionWindow(page, 'Delete code');
    await remove.getByRole('button', { name: 'Delete', exact: true }).click();
    assert.match(await notice(page, 'Delete'), /7 Credit returned to Baltic Distribution\./);
    assert.match(await page.getByRole('row').filter({ hasText: `Changed, ${cell.width}` }).innerText(), /Deleted/);
    assert.equal(await balanceInAccountMenu(page, 'Credit'), before);
  }));

test('a redeem link only fills the field and leaves no code in the address', async () => {
  const code = await freshCode(1);
  await visit({ as: 'customer' }, async (page) => {
    await page.goto(url(`/redeem#${code}`));
    await until(async () => (await page.getByLabel('Code', { exact: true }).inputValue()) === code, 'the field is filled');
    assert.equal(page.url(), url('/redeem'));
    assert.equal(await page.getByRole('status').count(), 0, 'nothing was sent');
  });
  await visit({ as: 'distributor' }, async (page) => {
    await page.goto(url('/resources/codes'));
    assert.match(await page.getByRole('row').filter({ hasText: code }).innerText(), /Unused/);
  });
});

test('a redeem link fills the field even after signing in first', async () => {
  const code = await freshCode(1);
  await visit({}, async (page) => {
    await page.goto(url(`/redeem#${code}`));
    await page.getByLabel('E-mail').fill('customer@scrip.test');
    await page.getByLabel('Password').fill('scrip-demo');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Redeem code' }).waitFor();
    await until(async () => (await page.getByLabel('Code', { exact: true }).inputValue()) === code, 'the field is filled');
  });
});

/* ---- The operator, companies, users ---- */

eachOf(FEW, 'the operator issues resources', (cell) =>
  visit({ as: 'operator', ...cell }, async (page) => {
    await page.goto(url('/'));
    const before = await balanceInAccountMenu(page, 'Credit');
    if (isNarrow(page)) await page.getByRole('button', { name: 'Menu', exact: true }).click();
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Issue resources' }).click();
    const place = page.getByRole('main');
    await place.getByLabel('Type').selectOption({ label: 'Credit' });
    await place.getByLabel('Amount').fill('250');
    await place.getByLabel('Memo').fill('Order 3001');
    await place.getByRole('button', { name: 'Issue', exact: true }).click();
    assert.match(await notice(page, 'Issue'), /250 Credit issued to Nordlight Devices\./);
    assert.equal(await balanceInAccountMenu(page, 'Credit'), before + 250);
  }));

eachOf(FEW, 'a company can be created, renamed, put under another one and removed', (cell) =>
  visit({ as: 'operator', ...cell }, async (page) => {
    const [first, second] = [`Oslo Ferries ${cell.width}`, `Bergen Ferries ${cell.width}`];
    await page.goto(url('/companies'));
    await page.getByRole('link', { name: 'Create company' }).click();
    const create = await actionWindow(page, 'Create company');
    await create.getByLabel('Name').fill(first);
    await chooseCompany(create.getByLabel('Parent company'), 'Baltic Distribution');
    await create.getByRole('button', { name: 'Create', exact: true }).click();
    await notice(page, 'Create');

    await page.goto(url('/companies'));
    await fromRowMenu(page, first, 'Rename');
    const rename = await actionWindow(page, 'Rename company');
    await rename.getByLabel('Name').fill(second);
    await rename.getByRole('button', { name: 'Rename', exact: true }).click();
    await notice(page, 'Rename');

    await fromRowMenu(page, second, 'Put under another company');
    const put = await actionWindow(page, 'Put under another company');
    await chooseCompany(put.getByLabel('New parent'), 'Iberia Distribution');
    await put.getByRole('button', { name: 'Move', exact: true }).click();
    await notice(page, 'Move');
    assert.match(await page.getByRole('row').filter({ hasText: second }).innerText(), /Iberia Distribution/);

    await fromRowMenu(page, second, 'Remove company');
    const remove = await actionWindow(page, 'Remove company');
    await remove.getByRole('button', { name: 'Remove', exact: true }).click();
    await notice(page, 'Remove');
    assert.equal(await page.getByRole('row').filter({ hasText: second }).count(), 0);
  }));

test('companies that hold something cannot be removed, and the page says why for each', () =>
  visit({ as: 'operator' }, async (page) => {
    await page.goto(url('/companies'));
    await page.getByRole('checkbox', { name: 'Choose Acme Logistics', exact: true }).check();
    await page.getByRole('checkbox', { name: 'Choose Riga Trams', exact: true }).check();
    await page.getByRole('button', { name: 'Remove company' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    const alert = await page.getByRole('alert').innerText();
    assert.match(alert, /Acme Logistics has/);
    assert.match(alert, /Riga Trams has/);
  }));

test('companies can be shown as a tree and found by part of their name', () =>
  visit({ as: 'operator' }, async (page) => {
    await page.goto(url('/companies'));
    await page.getByLabel('Search').fill('depot');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('link', { name: 'Acme Depot 7' }).waitFor();
    assert.equal(await page.getByRole('row').count(), 2, 'the head and one company');
    await page.goto(url('/companies'));
    await page.getByRole('link', { name: 'Tree' }).click();
    await page.getByRole('link', { name: 'Baltic Distribution' }).click();
    await page.getByRole('link', { name: 'Acme Logistics', exact: true }).waitFor();
  }));

eachOf(FEW, 'an invited user sets a password with the link and signs in', async (cell) => {
  const email = `new.person.${cell.width}@scrip.test`;
  const password = 'a quiet morning in the harbour';
  let link;
  await visit({ as: 'operator', ...cell }, async (page) => {
    await page.goto(url('/'));
    await go(page, 'Users');
    await page.getByRole('link', { name: 'Invite user' }).click();
    const place = await actionWindow(page, 'Invite user');
    await place.getByLabel('E-mail').fill(email);
    await chooseCompany(place.getByLabel('Company', { exact: true }), 'Harbour Café');
    await place.getByRole('radio', { name: /^Administrator/ }).check();
    await place.getByRole('button', { name: 'Invite', exact: true }).click();
    const invitation = await actionWindow(page, 'Link to set the password');
    link = (await invitation.innerText()).match(/http:\/\/\S+\/link\/[0-9a-f]+/)[0];
  });
  await visit({ ...cell }, async (page) => {
    await page.goto(link);
    assert.equal(page.url(), url('/link'), 'the secret does not stay in the address');
    await page.getByLabel('New password', { exact: true }).fill(password);
    await page.getByLabel('New password again').fill(password);
    await page.getByRole('button', { name: 'Set password' }).click();
    await signIn(page, email, password);
  });
  await visit({ ...cell }, async (page) => {
    await page.goto(link);
    await page.getByRole('heading', { level: 1, name: 'This link no longer works' }).waitFor();
  });
});

eachOf(FEW, 'the holder of a code signs up and activates it', async (cell) => {
  const code = await freshCode(9);
  await visit({ ...cell }, async (page) => {
    await page.goto(url('/sign-in'));
    await page.getByRole('link', { name: 'Create an account' }).click();
    await page.getByLabel('E-mail').fill(`signed.up.${cell.width}@scrip.test`);
    await page.getByLabel('Company name').fill(`Lighthouse ${cell.width}`);
    await page.getByLabel('Code', { exact: true }).fill(code);
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByLabel('New password', { exact: true }).fill('seven gulls above the pier');
    await page.getByLabel('New password again').fill('seven gulls above the pier');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByRole('heading', { level: 1, name: 'Redeem code' }).waitFor();
    await page.getByLabel('Code', { exact: true }).fill(code);
    await page.getByRole('button', { name: 'Activate', exact: true }).click();
    assert.match(await notice(page, 'Activate'), new RegExp(`9 Credit added to Lighthouse ${cell.width}\\.`));
  });
});

/* ---- Files, roles, signing out ---- */

eachOf(FEW, 'codes and history can be downloaded as CSV files', (cell) =>
  visit({ as: 'distributor', ...cell }, async (page) => {
    await page.goto(url('/resources/codes'));
    const codes = await download(page, () => page.getByRole('link', { name: 'Download CSV' }).click());
    assert.match(codes.name, /^codes-\d+\.csv$/);
    assert.match(codes.text, /^code,type,amount,status,/);
    assert.match(codes.text, /([0-9A-Z]{4}-){4}[0-9A-Z]{4},credit,/);
    await page.goto(url('/history'));
    const history = await download(page, () => page.getByRole('link', { name: 'Download CSV' }).click());
    assert.match(history.name, /\.csv$/);
    assert.match(history.text, /Acme Logistics/);
  }));

test('an auditor sees codes masked, in the list and in the file, and can change nothing', () =>
  visit({ as: 'auditor' }, async (page) => {
    await page.goto(url('/companies'));
    await page.getByRole('link', { name: 'Baltic Distribution', exact: true }).first().click();
    await openResourcesTab(page);
    await openSection(page, 'Codes');
    const whole = /([0-9A-Z]{4}-){4}[0-9A-Z]{4}/;
    assert.doesNotMatch(await page.getByRole('main').innerText(), whole);
    const file = await download(page, () => page.getByRole('link', { name: 'Download CSV' }).click());
    assert.doesNotMatch(file.text, whole);
    for (const name of ['Move resources', '+ Create code', 'Activate Code', 'Delete']) {
      assert.equal(await page.getByRole('link', { name, exact: true }).count(), 0, `no ${name} for an auditor`);
    }
  }));

eachOf(FEW, 'after signing out, Back shows nothing', (cell) =>
  visit({ ...cell }, async (page) => {
    await signIn(page, 'distributor');
    await page.goto(url('/resources/codes'));
    await openAccountMenu(page);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    assert.doesNotMatch(await page.getByRole('main').innerText(), /Baltic Distribution/);
  }));
