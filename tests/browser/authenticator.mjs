// An authenticator app, and the steps that users take with it on their account.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { isAccessible } from './accessible.mjs';
import { notice, url } from './scrip.mjs';

export const PASSWORD = 'scrip-demo';

function bytesOf(base32) {
  let bits = '';
  for (const letter of base32) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

// The current code, or the code some steps later.
export function appCode(secret, stepsLater = 0) {
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + stepsLater));
  const hash = createHmac('sha1', bytesOf(secret)).update(step).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/* ---- Steps ---- */

export async function givePassword(page, email, password = PASSWORD) {
  await page.goto(url('/sign-in'));
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

export async function isIn(page, email) {
  await page.getByRole('button', { name: `Account menu: ${email}` }).waitFor();
}

// Chooses an authentication type on the Security page, which leads to its steps.
async function chooseType(page, label) {
  await page.goto(url('/account/security'));
  await page.getByLabel('Authentication type').selectOption({ label });
  await page.getByRole('button', { name: 'Continue' }).click();
}

// Sets up an app; returns its secret and the recovery codes.
export async function setUpApp(page) {
  await chooseType(page, 'Authenticator app');
  await page.getByRole('img', { name: /^QR code/ }).waitFor();
  const secret = (await page.locator('#secret-text').innerText()).replaceAll(' ', '');
  await page.getByLabel('Code', { exact: true }).fill(appCode(secret));
  await page.getByLabel('Your password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Turn on' }).click();
  await notice(page, 'Update');
  await isAccessible(page, 'recovery codes');
  const codes = await page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem').allInnerTexts();
  assert.equal(codes.length, 10);
  await page.getByRole('link', { name: 'I have kept them' }).click();
  return { secret, codes };
}

export async function turnOff(page) {
  await page.goto(url('/account/security'));
  await isAccessible(page, 'security with two-factor authentication');
  await chooseType(page, 'None');
  await isAccessible(page, 'turn off');
  await page.getByRole('button', { name: 'Turn off' }).click();
  assert.match(await notice(page, 'Update'), /Two-factor authentication is off\./);
}
