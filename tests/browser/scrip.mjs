// Shared by all browser tests: a demo of Scrip, a browser, and checks on every page they open.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const WAIT_MS = 10_000;
const VISIT_MS = 60_000;

let server;
let browser;
let origin;
let printed = '';
const signedIn = new Map(); // account → cookies, so that each account signs in once per file

/** The program's output so far. */
export const output = () => printed;
export const url = (path) => origin + path;
export const isNarrow = (page) => page.viewportSize().width < 900;

/* ---- The demo and the browser ---- */

async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

function findBrowser() {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const found = spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' }).stdout.trim();
    if (found) return found;
  }
  throw new Error('There is no Chromium here. tests/run installs it.');
}

const program = () => process.env.SCRIP_BIN ?? fileURLToPath(new URL('../../target/debug/scrip', import.meta.url));

// Remove the tests' own variables, because Scrip refuses to start with unknown settings.
const environment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SCRIP_')));

/** Runs a command of the program; returns its output. */
export const command = (...args) => execFileSync(program(), args, { env: environment(), encoding: 'utf8' });

/** Starts the demo, or another command, with extra settings if needed. */
export async function start({ command = 'demo', settings = [] } = {}) {
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  server = spawn(program(), [command, '--log', 'error', '--listen', `127.0.0.1:${port}`, ...settings], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  server.stdout.on('data', (text) => { printed += text; });
  const isReady = () => {
    assert.equal(server.exitCode, null, 'the demo ended while it started');
    return fetch(url('/readyz')).then((answer) => answer.ok, () => false);
  };
  await until(isReady, 'the demo is ready', 60_000);
  // Enable the back/forward cache, as in a normal browser: Back must show nothing even then.
  browser = await chromium.launch({
    executablePath: findBrowser(), args: FLAGS, ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
}

export async function stop() {
  await browser?.close();
  assert.equal(server.exitCode, null, 'the demo is still there at the end');
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  const [code] = await ended;
  assert.equal(code, 0, 'the demo exits with 0 when it is asked to stop');
}

/* ---- Visits: one user's browser, with every page checked ---- */

/**
 * Opens a browser for one user, runs the story, and fails if any page misbehaved.
 * @param {{as?: string, width?: number, scheme?: 'light' | 'dark', script?: boolean, elsewhere?: string}} person
 *   `elsewhere` is the only other origin that the browser may go to.
 */
export async function visit({ as, width = 1280, scheme = 'light', script = true, elsewhere } = {}, story) {
  const context = await browser.newContext({
    viewport: { width, height: width < 700 ? 740 : 900 }, colorScheme: scheme, javaScriptEnabled: script,
    storageState: as && (await cookiesOf(as)), permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(WAIT_MS);
  const watch = watchOver(context, elsewhere);
  const page = await context.newPage();
  page.hasScript = script;
  try {
    await within(VISIT_MS, 'the visit to end', (async () => {
      await story(page);
      await lookAt(page);
    })());
    assert.deepEqual(await watch.problems(), [], 'what went wrong on the pages');
  } finally {
    await context.close();
  }
}

async function cookiesOf(account) {
  if (!signedIn.has(account)) {
    await visit({}, async (page) => {
      await signIn(page, account);
      signedIn.set(account, await page.context().storageState());
    });
  }
  return signedIn.get(account);
}

export async function signIn(page, account, password = 'scrip-demo') {
  const email = account.includes('@') ? account : `${account}@scrip.test`;
  await page.goto(url('/sign-in'));
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: `Account menu: ${email}` }).waitFor();
}

// A refused form is answered with 4xx on purpose, and the browser logs that to its console.
const DELIBERATE = /Failed to load resource: .* (404|410|422|429) /;
const INLINE = /<style|\sstyle\s*=\s*["']|\son[a-z]+\s*=\s*["']|<script(?![^>]*\ssrc=)/i;

function watchOver(context, elsewhere) {
  const problems = [];
  const reading = [];
  context.on('page', (page) => {
    page.on('pageerror', (error) => problems.push(`script error: ${error.message}`));
    page.on('load', () => reading.push(lookAt(page).catch((error) => {
      if (error instanceof assert.AssertionError) problems.push(error.message); // otherwise the page was left meanwhile
    })));
  });
  context.on('console', (message) => {
    if (message.type() === 'error' && !DELIBERATE.test(message.text())) problems.push(`console: ${message.text()}`);
  });
  context.on('request', (request) => {
    if (![origin, elsewhere].includes(new URL(request.url()).origin)) problems.push(`request to another origin: ${request.url()}`);
  });
  context.on('response', (response) => {
    if ((response.headers()['content-type'] ?? '').startsWith('text/html')) {
      reading.push(response.text().then((html) => {
        const inline = html.match(INLINE);
        if (inline) problems.push(`inline style or script at ${response.url()}: ${inline[0]}`);
      }, () => {})); // a page that was left before it loaded has no text
    }
  });
  return {
    async problems() {
      // The body of a page that was left while loading may never arrive.
      await within(WAIT_MS, 'the last page to be read', Promise.all(reading)).catch(() => {});
      return problems;
    },
  };
}

/** Asserts that nothing scrolls sideways, neither the page nor anything on it. */
export async function lookAt(page) {
  const wide = await page.evaluate(() => {
    const scrolls = (element) => element.scrollWidth > element.clientWidth && /auto|scroll/.test(getComputedStyle(element).overflowX);
    const found = [...document.querySelectorAll('body *')].filter((element) => scrolls(element) && element.tagName !== 'TEXTAREA');
    if (document.documentElement.scrollWidth > innerWidth) found.push(document.documentElement);
    return found.map((element) => `<${element.tagName.toLowerCase()} class="${element.className}">`);
  });
  assert.deepEqual(wide, [], `what scrolls sideways at ${page.viewportSize().width} px on ${page.url()}`);
}

/* ---- Where the same story runs ---- */

export const CELLS = [];
for (const width of [1280, 360]) {
  for (const scheme of ['light', 'dark']) {
    for (const script of [true, false]) CELLS.push({ width, scheme, script });
  }
}
// The two cells that differ most, for tests that need not run in all eight.
export const FEW = CELLS.filter((cell) => (cell.width === 1280 && cell.scheme === 'light' && cell.script)
  || (cell.width === 360 && cell.scheme === 'dark' && !cell.script));

export function eachOf(cells, sentence, story) {
  for (const cell of cells) {
    const where = `${cell.width} px, ${cell.scheme}, ${cell.script ? 'with' : 'without'} script`;
    test(`${sentence} (${where})`, () => story(cell));
  }
}

/* ---- Steps for every page ---- */

export async function until(isSo, what, milliseconds = WAIT_MS) {
  const end = Date.now() + milliseconds;
  while (!(await isSo())) {
    assert.ok(Date.now() < end, `timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function within(milliseconds, what, work) {
  let timer;
  const tooLate = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `waited too long for ${what}` })), milliseconds);
  });
  return Promise.race([work, tooLate]).finally(() => clearTimeout(timer));
}

/** Follows a link in the main navigation, which is behind a button on a phone. */
export async function go(page, name, heading = name) {
  if (isNarrow(page)) await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

export async function openAccountMenu(page) {
  await page.getByRole('button', { name: /^Account menu/ }).click();
}

export async function fromAccountMenu(page, name) {
  await openAccountMenu(page);
  await page.getByRole('banner').getByRole('link', { name, exact: true }).click();
}

export async function fromRowMenu(page, row, name) {
  await page.getByLabel(`Actions for ${row}`, { exact: true }).click();
  await page.getByRole('link', { name, exact: true }).filter({ visible: true }).last().click();
}

/** The action window with this title: a dialog over the page, or a separate page without script. */
export async function actionWindow(page, title) {
  const place = page.hasScript ? page.getByRole('dialog', { name: title, exact: true }) : page.getByRole('main');
  await place.getByRole('heading', { name: title, exact: true }).waitFor();
  await lookAt(page);
  return place;
}

/** Chooses a company by its name, ignoring its id. */
export async function chooseCompany(field, name) {
  const labels = await field.locator('option').allInnerTexts();
  const label = labels.find((text) => text.trim().replace(/ \(#\d+\)$/, '') === name);
  assert.ok(label, `${name} can be chosen, among ${labels.join(', ')}`);
  await field.selectOption({ label: label.trim() });
}

/** Waits for the notice of an operation; returns its text. */
export async function notice(page, verb) {
  const found = page.getByRole('status').filter({ hasText: `${verb} operation completed successfully.` });
  await found.waitFor();
  return found.innerText();
}

/** Parses a formatted number: 1,234. */
export const number = (text) => Number(text.replaceAll(',', ''));

export async function balanceInAccountMenu(page, type) {
  await openAccountMenu(page);
  const line = page.getByRole('term').filter({ hasText: new RegExp(`^${type}$`), visible: true }).locator('xpath=following-sibling::dd');
  const balance = (await line.count()) ? number(await line.first().innerText()) : 0;
  await page.keyboard.press('Escape');
  return balance;
}

/** Triggers a download and reads it. */
export async function download(page, press) {
  const [file] = await Promise.all([page.waitForEvent('download'), press()]);
  const parts = [];
  for await (const part of await file.createReadStream()) parts.push(part);
  return { name: file.suggestedFilename(), text: Buffer.concat(parts).toString('utf8') };
}
