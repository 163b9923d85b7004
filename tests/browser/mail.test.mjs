// Mails, on a separate portal that is set up from its first start.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isAccessible } from './accessible.mjs';
import { notice, output, signIn, start, stop, until, url, visit } from './scrip.mjs';

const EMAIL = 'first@vendor.test';
const PASSWORD = 'a quiet morning in the harbour';
const mails = [];
const folder = mkdtempSync(join(tmpdir(), 'scrip-mail-'));
let mailServer;

before(async () => {
  mailServer = createServer(takeMail).listen(0, '127.0.0.1');
  await until(() => mailServer.listening, 'the mail server listens');
  const server = `127.0.0.1:${mailServer.address().port}`;
  await start({
    command: 'serve',
    settings: ['--data', folder, '--smtp-server', server, '--smtp-security', 'none', '--mail-from', 'portal@vendor.test'],
  });
});
after(async () => {
  await stop();
  mailServer.close();
  rmSync(folder, { recursive: true });
});

// A mail server that accepts everything.
function takeMail(socket) {
  let text = null;
  let rest = '';
  socket.on('error', () => {});
  socket.write('220 test\r\n');
  socket.on('data', (bytes) => {
    const lines = (rest + bytes).split('\r\n');
    rest = lines.pop();
    for (const line of lines) {
      if (text !== null && line === '.') {
        mails.push(text);
        text = null;
        socket.write('250 taken\r\n');
      } else if (text !== null) {
        text += `${line}\n`;
      } else if (line.startsWith('DATA')) {
        text = '';
        socket.write('354 go on\r\n');
      } else {
        socket.write(line.startsWith('QUIT') ? '221 bye\r\n' : '250 ok\r\n');
      }
    }
  });
}

async function codeInNextMail() {
  // Other mails only notify about account activity.
  const code = () => mails.findIndex((mail) => /your code is \d{6}/.test(mail));
  await until(() => code() >= 0, 'a mail with a code has come');
  return mails.splice(0, code() + 1).at(-1).match(/your code is (\d{6})/)[1];
}

test('a portal is set up with the link from its first start', () =>
  visit({ width: 360 }, async (page) => {
    await until(() => /\/link\/[0-9a-f]+/.test(output()), 'the link is printed');
    await page.goto(output().match(/http:\S+\/link\/[0-9a-f]+/)[0]);
    await page.getByRole('heading', { level: 1, name: 'Set up the portal' }).waitFor();
    await isAccessible(page, 'set up the portal');
    await page.getByLabel('Company name').fill('Vendor');
    await page.getByLabel('Your e-mail').fill(EMAIL);
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('New password again').fill(PASSWORD);
    await page.getByRole('button', { name: 'Set up' }).click();
    await signIn(page, EMAIL, PASSWORD);
  }));

test('codes by e-mail can be turned on and used to sign in', async () => {
  await visit({ width: 360 }, async (page) => {
    await signIn(page, EMAIL, PASSWORD);
    await page.goto(url('/account/second-factor'));
    await isAccessible(page, 'choice of a method');
    await page.getByRole('link', { name: 'Set up codes by e-mail' }).click();
    await page.getByRole('button', { name: 'Send code' }).click();
    await notice(page, 'Send code');
    await isAccessible(page, 'codes by e-mail');
    await page.getByLabel('Code', { exact: true }).fill(await codeInNextMail());
    await page.getByLabel('Your password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Turn on' }).click();
    await page.getByRole('list', { name: 'Recovery codes' }).waitFor();
  });
  await visit({ width: 360 }, async (page) => {
    await page.goto(url('/companies'));
    await page.getByLabel('E-mail').fill(EMAIL);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await codeInNextMail();
    await page.getByRole('button', { name: 'Send another code' }).click();
    await page.getByRole('status').getByText('Another code is on its way').waitFor();
    await isAccessible(page, 'second step by e-mail');
    await page.getByLabel('Code', { exact: true }).fill(await codeInNextMail());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Companies' }).waitFor();
    assert.equal(new URL(page.url()).pathname, '/companies');
  });
});
