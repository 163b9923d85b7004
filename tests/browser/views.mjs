// Every page, open dialog and open menu, for the accessibility checks and the screenshots.

import { actionWindow, isNarrow, openAccountMenu, url } from './scrip.mjs';

/** Opens a page. `part` opens something on it: a dialog by the name of its link, or a menu. */
const page = (name, path, part) => ({
  name,
  async show(tab) {
    await tab.goto(url(path));
    await part?.(tab);
  },
});

const windowOf = (link, title) => async (tab) => {
  await tab.getByRole('main').getByRole('link', { name: link, exact: true }).first().click();
  await actionWindow(tab, title);
};
const windowOfRow = (actions, link, title) => async (tab) => {
  const menu = tab.getByLabel(actions).first();
  await menu.click();
  await tab.getByRole('link', { name: link, exact: true }).filter({ visible: true }).last().click();
  await actionWindow(tab, title);
};
const refused = (open, button) => async (tab) => {
  await open(tab);
  await tab.locator('dialog form').evaluate((form) => { form.noValidate = true; });
  await tab.getByRole('dialog').getByRole('button', { name: button, exact: true }).click();
  await tab.getByRole('dialog').getByRole('alert').waitFor();
};
const rowMenu = async (tab) => tab.getByLabel(/^Actions for/).first().click();
const navigation = async (tab) => {
  if (isNarrow(tab)) await tab.getByRole('button', { name: 'Menu', exact: true }).click();
};
const actionsOfCode = /^Actions for code/;

export const SIGNED_OUT = [
  page('sign in', '/sign-in'),
  page('sign in, refused', '/sign-in', async (tab) => {
    await tab.getByLabel('E-mail').fill('nobody@scrip.test');
    await tab.getByLabel('Password').fill('wrong');
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await tab.getByRole('alert').waitFor();
  }),
  page('sign up', '/sign-up'),
  page('forgotten password', '/forgotten-password'),
  page('dead link', '/link'),
];

const EVERYBODY = [
  page('overview', '/'),
  page('overview, account menu', '/', openAccountMenu),
  page('overview, navigation', '/', navigation),
  page('resource summary', '/summary'),
  page('history', '/history'),
  page('devices', '/devices'),
  page('devices, nothing fits', '/devices?q=zzzz'),
  page('history, nothing fits', '/history?from=2001-01-01&to=2001-01-02'),
  page('profile', '/account/profile'),
  page('security', '/account/security'),
  page('change e-mail', '/account/security/email'),
  page('two-factor authentication', '/account/second-factor'),
  page('authenticator app', '/account/second-factor/app'),
  page('authenticator app, refused', '/account/second-factor/app', async (tab) => {
    await tab.getByLabel('Code', { exact: true }).fill('12');
    await tab.getByLabel('Your password').fill('scrip-demo');
    await tab.getByRole('button', { name: 'Turn on' }).click();
    await tab.getByRole('alert').waitFor();
  }),
  page('access tokens, without two-factor', '/account/tokens'),
  page('applications, without two-factor', '/account/applications'),
  page('revoke access token', '/account/tokens', windowOf(/^Revoke /, 'Revoke access token')),
  page('not found', '/nothing-here'),
];

const READERS = [
  page('companies', '/companies'),
  page('companies, row menu', '/companies', rowMenu),
  page('companies, nothing fits', '/companies?q=zzzzzz'),
  page('companies as a tree', '/companies?view=tree'),
  page('company', '/companies/2'),
  page('company, resources', '/companies/2/resources'),
  page('company, codes', '/companies/2/codes'),
  page('company, devices', '/companies/5/devices'),
  page('company, waiting devices', '/companies/15/devices?state=waiting'),
  page('device', '/devices/1'),
  page('company, users', '/companies/2/users'),
  page('company, subsidiaries', '/companies/2/subsidiaries'),
  page('company, history', '/companies/2/history'),
  page('company without anything, codes', '/companies/8/codes'),
  page('company without anything, subsidiaries', '/companies/8/subsidiaries'),
  page('users', '/users'),
  page('roles', '/users/roles'),
  page('role', '/users/roles/1'),
  page('user', '/users/3'),
];

const move = windowOf('Move resources', 'Move resources');
export const VIEWS = {
  operator: [
    ...EVERYBODY,
    ...READERS,
    page('resources', '/resources'),
    page('codes', '/resources/codes'),
    page('codes, nothing fits', '/companies/2/codes?q=zzzz'),
    page('codes, row menu', '/companies/2/codes', rowMenu),
    page('sheet of codes', '/codes/sheet?code=6&code=7'),
    page('devices, chosen', '/devices', async (tab) => {
      for (const box of await tab.getByRole('checkbox', { name: /^Choose 110284/ }).all()) await box.check();
      await tab.getByText(/^[1-9]\d* selected$/).waitFor();
    }),
    page('add device', '/devices', windowOf('Add device', 'Add device')),
    page('add device, refused', '/devices', refused(windowOf('Add device', 'Add device'), 'Add')),
    page('edit device', '/devices/1', windowOf('Edit', 'Edit device')),
    page('set service', '/devices/1', windowOf('Set service', 'Set service')),
    page('set service of many', '/devices/service?device=1&device=2'),
    page('remove device', '/devices/1', windowOf('Remove', 'Remove device')),
    page('set tags', '/devices/1', windowOf('Tags', 'Set tags')),
    page('set tags of many', '/devices/tags/set?device=1&device=2'),
    page('tags', '/devices/tags'),
    page('create tag', '/devices/tags', windowOf('Create tag', 'Create tag')),
    page('imports', '/devices/imports'),
    page('import devices', '/devices', windowOf('Import devices', 'Import devices')),
    page('import devices, refused', '/devices', refused(windowOf('Import devices', 'Import devices'), 'Check')),
    page('import, checked', '/devices/imports/new', async (tab) => {
      await tab.getByLabel(/^Or paste the rows/).fill('serial,service\nAXE-1,credit\n,gold\n1102840,\n');
      await tab.getByRole('button', { name: 'Check' }).click();
      await tab.getByRole('heading', { name: 'Rows that cannot be added' }).waitFor();
    }),
    page('move resources', '/companies', move),
    page('move resources, balances', '/companies', async (tab) => {
      await move(tab);
      await tab.getByLabel('Company from').selectOption({ index: 1 });
      await tab.getByLabel('Company to').selectOption({ index: 2 });
      await tab.getByLabel('Amount').fill('99999999');
      await tab.getByText('not enough').waitFor();
    }),
    page('move resources, refused', '/companies', refused(move, 'Move')),
    page('move resources as a page', '/moves/new'),
    page('create code', '/resources/codes', windowOf('+ Create code', 'Create new code')),
    page('create code, refused', '/resources/codes', refused(windowOf('+ Create code', 'Create new code'), 'Create')),
    page('redeem code', '/redeem'),
    page('redeem code, checked', '/redeem', async (tab) => {
      await tab.goto(url('/companies/2/codes'));
      const code = await tab.locator('[data-copy]').first().getAttribute('data-copy');
      await tab.goto(url('/redeem'));
      await tab.getByLabel('Code', { exact: true }).fill(code);
      await tab.getByRole('button', { name: 'Check first' }).click();
      await tab.getByText('The resources go to').waitFor();
    }),
    page('redeem code, window', '/resources', windowOf('Activate Code', 'Redeem code')),
    page('subscriptions, licences', '/subscriptions'),
    page('use your voucher', '/subscriptions/voucher'),
    page('extend your subscription', '/subscriptions/voucher', async (tab) => {
      await tab.goto(url('/companies/2/codes'));
      const code = await tab.locator('[data-copy]').first().getAttribute('data-copy');
      await tab.goto(url('/subscriptions/voucher'));
      await tab.getByLabel('Voucher code', { exact: true }).fill(code);
      await tab.getByRole('button', { name: 'Continue' }).click();
      await tab.getByRole('heading', { level: 1, name: 'Extend your subscription' }).waitFor();
    }),
    page('edit comment', '/companies/2/codes', windowOfRow(actionsOfCode, 'Edit comment', 'Edit comment')),
    page('delete code', '/companies/2/codes', windowOfRow(actionsOfCode, 'Delete', 'Delete code')),
    page('create company', '/companies', windowOf('Create company', 'Create company')),
    page('rename company', '/companies/2', windowOf('Rename', 'Rename company')),
    page('demand two-factor authentication', '/companies/2', windowOf('Demand two-factor authentication', 'Demand two-factor authentication')),
    page('put under another company', '/companies/2', windowOf('Put under another company', 'Put under another company')),
    page('remove company', '/companies/2', windowOf('Remove company', 'Remove company')),
    page('remove company, refused', '/companies/2', refused(windowOf('Remove company', 'Remove company'), 'Remove')),
    page('remove user', '/users/3', windowOf('Remove user', 'Remove user')),
    page('invite user', '/users', windowOf('Invite user', 'Invite user')),
    page('create role', '/users/roles', windowOf('Create role', 'Create role')),
    page('create role, refused', '/users/roles', refused(windowOf('Create role', 'Create role'), 'Create')),
    page('issue resources', '/operator/issues/new'),
    page('price list', '/operator/price-list'),
    page('price list, row menu', '/operator/price-list', rowMenu),
    page('product of vouchers', '/operator/price-list/1'),
    page('product of licences', '/operator/price-list/2'),
    page('add voucher product', '/operator/price-list', windowOf('Add voucher product', 'Add voucher product')),
    page('add voucher product, refused', '/operator/price-list', refused(windowOf('Add voucher product', 'Add voucher product'), 'Add')),
    page('add licence product', '/operator/price-list', windowOf('Add licence product', 'Add licence product')),
    page('change product', '/operator/price-list/1', windowOf('Change', 'Change product')),
    page('change product, by two', '/operator/price-list/1/version?version=1', async (tab) => {
      await tab.getByRole('button', { name: 'Save' }).click();
      await tab.getByText('has changed this product since you opened it').waitFor();
    }),
    page('add VAT class', '/operator/price-list', windowOf('Add VAT class', 'Add VAT class')),
    page('change VAT class', '/operator/price-list', windowOf('Change the VAT class Zero', 'Change VAT class')),
    page('distributors', '/operator/distributors'),
    page('distributors, nothing fits', '/operator/distributors?q=zzzz'),
    page('activate a company', '/operator/distributors', windowOf('Activate a company', 'Activate a company')),
    page('activate a company, refused', '/operator/distributors', refused(windowOf('Activate a company', 'Activate a company'), 'Activate')),
    page('deactivate a distributor', '/operator/distributors', windowOf('Deactivate Baltic Distribution', 'Deactivate a distributor')),
    page('payments, of all', '/payments'),
    page('order that is not paid', '/orders/8'),
    page('mark as paid', '/orders/8', windowOf('Mark as paid', 'Mark as paid')),
    page('mark as paid, refused', '/orders/8', refused(async (tab) => {
      await windowOf('Mark as paid', 'Mark as paid')(tab);
      await tab.getByRole('dialog').getByLabel('Amount').fill('1');
    }, 'Mark as paid')),
    page('cancel order', '/orders/8', windowOf('Cancel order', 'Cancel order')),
    page('order with a credit note', '/orders/5'),
    page('seller and invoices', '/operator/seller'),
    page('seller and invoices, refused', '/operator/seller', async (tab) => {
      await tab.getByLabel('Days to pay').fill('400');
      await tab.getByRole('button', { name: 'Save' }).click();
      await tab.getByRole('alert').waitFor();
    }),
    page('payments of a company', '/companies/2/payments'),
    page('buying terms', '/companies/2', windowOf('Buying terms', 'Buying terms')),
    page('buy data', '/companies/2', windowOf('Buy data', 'Buy data')),
    page('billing data', '/companies/2', windowOf('Edit billing data', 'Billing data')),
    page('reports', '/reports'),
    page('reports, refused', '/reports?from=2026-13'),
  ],
  distributor: [
    page('buy vouchers', '/buy/vouchers'),
    page('buy vouchers, refused', '/buy/vouchers', async (tab) => {
      await tab.getByLabel('Voucher name').fill('Eleven years');
      await tab.getByLabel('Number of years').fill('11');
      await tab.getByRole('button', { name: 'Check the order' }).click();
      await tab.getByRole('alert').waitFor();
    }),
    page('check the order', '/payments?state=draft', async (tab) => {
      await tab.getByRole('link', { name: /^Check the order/ }).first().click();
      await tab.getByRole('heading', { level: 1, name: 'Check the order' }).waitFor();
    }),
    page('discard the order', '/payments?state=draft', async (tab) => {
      await tab.getByRole('link', { name: /^Check the order/ }).first().click();
      await tab.getByRole('link', { name: 'Discard' }).click();
      await actionWindow(tab, 'Discard order');
    }),
    page('payments', '/payments'),
    page('payments, nothing fits', '/payments?state=cancelled'),
    page('order, not paid', '/orders/8'),
    page('order, paid', '/orders/5'),
    page('order of licences', '/orders/7'),
    page('voucher', '/orders/5/vouchers/1'),
    page('voucher, cancelled codes', '/orders/5/vouchers/1?state=cancelled'),
    page('voucher, all codes', '/orders/5/vouchers/1?state=all'),
    page('standing top-ups', '/buy/top-ups'),
    page('buy for the own pool', '/buy/own-pool'),
    page('buy for the own pool, refused', '/buy/own-pool', async (tab) => {
      await tab.getByLabel('Number of years').fill('11');
      await tab.getByRole('button', { name: 'Check the order' }).click();
      await tab.getByRole('alert').waitFor();
    }),
    page('cancel vouchers', '/orders/5/vouchers/1', async (tab) => {
      await tab.getByRole('checkbox', { name: /^Choose code/ }).first().check();
      await tab.getByRole('button', { name: 'Cancel chosen' }).click();
      await tab.getByRole('heading', { level: 1, name: 'Cancel vouchers' }).waitFor();
    }),
    page('replace code', '/orders/5/vouchers/1', windowOf(/^Replace/, 'Replace code')),
    page('sheet of a voucher', '/orders/5/vouchers/1/sheet'),
    page('vouchers', '/payments/vouchers'),
    page('vouchers, used', '/payments/vouchers?state=used'),
    page('vouchers, expired', '/payments/vouchers?state=expired'),
    page('vouchers, all', '/payments/vouchers?state=all'),
    page('buy licences', '/buy/licences'),
    page('buy licences, refused', '/buy/licences', async (tab) => {
      await tab.getByRole('button', { name: 'Choose licences' }).click();
      await tab.getByRole('alert').waitFor();
    }),
    page('choose licences', '/buy/licences', async (tab) => {
      await tab.getByLabel('Serial numbers').fill('1102841, 1102842, 1151770, X-1');
      await tab.getByRole('button', { name: 'Choose licences' }).click();
      await tab.getByRole('heading', { level: 1, name: 'Choose licences' }).waitFor();
    }),
    page('licence, moved', '/orders/7', async (tab) => {
      await tab.getByRole('link', { name: / for 1102850$/ }).first().click();
      await tab.getByRole('heading', { name: 'Keys so far' }).waitFor();
    }),
    page('move licence', '/orders/7', async (tab) => {
      await tab.getByRole('link', { name: / for 1102841$/ }).first().click();
      await windowOf('Move to another device', 'Move licence')(tab);
    }),
    page('device with licences', '/devices?q=1102841', async (tab) => {
      await tab.getByRole('link', { name: '1102841' }).click();
      await tab.getByRole('heading', { level: 2, name: 'Licences', exact: true }).waitFor();
    }),
    page('reports of a distributor', '/reports'),
  ],
  admin: [page('buy vouchers, not activated', '/buy/vouchers'), page('buy licences, not activated', '/buy/licences')],
  auditor: [...EVERYBODY, ...READERS],
  customer: [...EVERYBODY, page('redeem code', '/redeem'), page('subscriptions, licences', '/subscriptions')],
};
