// An application asks a person for consent (OAuth 2.1): allowed and refused, with script and without.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before } from 'node:test';
import { isAccessible } from './accessible.mjs';
import { givePassword, isIn, setUpApp, turnOff } from './authenticator.mjs';
import { actionWindow, eachOf, FEW, notice, start, stop, until, url, visit } from './scrip.mjs';

const VERIFIER = 'a-verifier-that-is-long-enough-to-be-taken-as-one';
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

// The application: it notes how people come back to it.
let application;
let elsewhere;
let answers = [];

before(async () => {
  await start();
  application = createServer((request, response) => {
    if (request.url.startsWith('/back')) answers.push(new URL(request.url, elsewhere).searchParams);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!doctype html><html lang="en"><title>Fleet</title><h1>Fleet</h1></html>');
  }).listen(0, '127.0.0.1');
  await once(application, 'listening');
  elsewhere = `http://127.0.0.1:${application.address().port}`;
});
after(async () => {
  application.closeAllConnections();
  application.close();
  await stop();
});

const back = () => `${elsewhere}/back`;

// Registers a public application; returns its client ID.
async function register(page, name) {
  await page.goto(url('/account/applications/new'));
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Redirect URLs').fill(back());
  await page.getByRole('radio', { name: /^Public/ }).check();
  await page.getByRole('checkbox', { name: /^credits:read / }).check();
  await page.getByRole('button', { name: 'Add application' }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
  return (await page.getByText(/^[0-9a-f]{32}$/).first().innerText()).trim();
}

const request = (client, state) => url(`/account/authorize?${new URLSearchParams({
  response_type: 'code', client_id: client, redirect_uri: back(), state, scope: 'credits:read',
  code_challenge: CHALLENGE, code_challenge_method: 'S256',
})}`);

// Opens the question, presses a button, and returns what the application is told.
async function answer(page, client, state, button) {
  answers = [];
  await page.goto(request(client, state));
  await page.getByRole('heading', { level: 1, name: /^Allow / }).waitFor();
  await isAccessible(page, 'consent');
  await page.getByRole('button', { name: button, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Fleet', exact: true }).waitFor();
  await until(() => answers.length > 0, 'the application is told');
  assert.equal(answers[0].get('state'), state);
  return answers[0];
}

const exchange = (client, code) => fetch(url('/account/token'), {
  method: 'POST',
  body: new URLSearchParams({
    grant_type: 'authorization_code', code, client_id: client, redirect_uri: back(), code_verifier: VERIFIER,
  }),
});

eachOf(FEW, 'an application is refused, then allowed, and its access is revoked', (cell) =>
  visit({ ...cell, elsewhere }, async (page) => {
    const email = 'iberia@scrip.test';
    await givePassword(page, email);
    await isIn(page, email);
    await setUpApp(page);
    const client = await register(page, 'Fleet view');
    const refused = await answer(page, client, 'first', 'Do not allow');
    assert.deepEqual([refused.get('error'), refused.get('code')], ['access_denied', null]);
    const allowed = await answer(page, client, 'second', 'Allow');
    const got = await exchange(client, allowed.get('code'));
    assert.equal(got.status, 200);
    const { access_token: token } = await got.json();
    const summary = () => fetch(url('/api/credits/summary'), { headers: { authorization: `Bearer ${token}` } });
    assert.equal((await summary()).status, 200);
    await page.goto(url('/account/security'));
    await page.getByRole('button', { name: 'Revoke Fleet view' }).click();
    await notice(page, 'Revoke');
    assert.equal((await summary()).status, 401);
    await removeApplication(page);
    await turnOff(page);
  }));

async function removeApplication(page) {
  await page.goto(url('/account/applications'));
  await page.getByRole('link', { name: 'Fleet view' }).first().click();
  await page.getByRole('link', { name: /^Delete/ }).click();
  const place = await actionWindow(page, 'Delete application');
  await place.getByRole('button', { name: /^Delete/ }).click();
  await notice(page, 'Delete');
}
