// Two-factor authentication: set up, used to sign in, recovered, renewed, turned off.

import { after, before, test } from 'node:test';
import { isAccessible } from './accessible.mjs';
import { appCode, givePassword, isIn, PASSWORD, setUpApp, turnOff } from './authenticator.mjs';
import { notice, start, stop, url, visit } from './scrip.mjs';

const CELLS = [
  { width: 1280, scheme: 'light', script: true },
  { width: 360, scheme: 'dark', script: false },
  { width: 1280, scheme: 'dark', script: false },
  { width: 360, scheme: 'light', script: true },
];

before(() => start());
after(stop);

for (const cell of CELLS) {
  const where = `${cell.width} px, ${cell.scheme}, ${cell.script ? 'with' : 'without'} script`;
  test(`an authenticator app and a recovery code can be used to sign in (${where})`, async () => {
    const email = 'iberia@scrip.test';
    let app;
    await visit(cell, async (page) => {
      await givePassword(page, email);
      await isIn(page, email);
      app = await setUpApp(page);
    });
    await visit(cell, async (page) => {
      await givePassword(page, email);
      await page.getByRole('heading', { level: 1, name: 'Second step' }).waitFor();
      await isAccessible(page, 'second step');
      await page.goto(url('/companies'));
      await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
      await page.goto(url('/sign-in/code'));
      await page.getByLabel('Code', { exact: true }).fill('12');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').getByText('Enter the six digits of the code.').waitFor();
      await isAccessible(page, 'second step, refused');
      // The current code was used to set up the app, but the next one is accepted a step early.
      await page.getByLabel('Code', { exact: true }).fill(appCode(app.secret, 1));
      await page.getByRole('button', { name: 'Sign in' }).click();
      await isIn(page, email);
    });
    await visit(cell, async (page) => {
      await givePassword(page, email);
      await page.getByRole('link', { name: 'Use a recovery code instead' }).click();
      await isAccessible(page, 'second step, recovery code');
      await page.getByLabel('Recovery code').fill(app.codes[0].toLowerCase());
      await page.getByRole('button', { name: 'Sign in' }).click();
      await isIn(page, email);
      await page.goto(url('/account/security'));
      await page.getByRole('link', { name: 'New recovery codes' }).click();
      await page.getByText('You have 9 left.').waitFor();
      await isAccessible(page, 'new recovery codes');
      await turnOff(page);
    });
  });
}

test('a user whose company requires it can only go to the set-up', async () => {
  const email = 'admin@scrip.test';
  await visit({ as: 'operator' }, async (page) => {
    await page.goto(url('/companies'));
    await page.getByRole('link', { name: 'Acme Logistics', exact: true }).click();
    await page.getByRole('link', { name: 'Demand two-factor authentication' }).click();
    await page.getByRole('dialog').getByText(/of all companies below it/).waitFor();
    await page.getByRole('button', { name: 'Demand it' }).click();
    await notice(page, 'Update');
  });
  await visit({ width: 360 }, async (page) => {
    await givePassword(page, email);
    await page.getByRole('heading', { name: /demands two-factor authentication/ }).waitFor();
    await isAccessible(page, 'demanded two-factor authentication');
    await page.goto(url('/companies'));
    await page.getByRole('link', { name: 'Set up authenticator app' }).click();
    const secret = (await page.locator('#secret-text').innerText()).replaceAll(' ', '');
    await page.getByLabel('Code', { exact: true }).fill(appCode(secret));
    await page.getByLabel('Your password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Turn on' }).click();
    await page.getByRole('list', { name: 'Recovery codes' }).waitFor();
    await page.goto(url('/companies'));
    await page.getByRole('heading', { level: 1, name: 'Companies' }).waitFor();
  });
});
