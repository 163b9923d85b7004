// Scrip's one script. Every action works without it; it only adds comfort. All listeners sit
// on the document, so that what is put into a dialog later works like what was there before.

const root = document.documentElement;
root.classList.add('js');

const parse = (html) => new DOMParser().parseFromString(html, 'text/html');
const isHtml = (response) => (response.headers.get('content-type') ?? '').startsWith('text/html');
const get = (url, signal) =>
  fetch(url, { credentials: 'same-origin', signal, headers: { accept: 'text/html' } });
const on = (type, handler, capture = false) => document.addEventListener(type, handler, capture);
// A modal dialog makes everything outside it inert, so helpers must be added inside it.
const layer = () => document.querySelector('dialog.window[open]') ?? document.body;

// Says something to a screen reader. The region comes first, then its text, else it is not read.
function announce(text) {
  const region = document.createElement('p');
  region.className = 'visually-hidden';
  region.setAttribute('role', 'status');
  layer().append(region);
  setTimeout(() => { region.textContent = text; }, 50);
  setTimeout(() => region.remove(), 4000);
}

// Runs `work(key, signal)` once the typing rests; a newer call ends the older request.
function resting(delay, work) {
  const pending = new WeakMap();
  return (key) => {
    const last = pending.get(key);
    clearTimeout(last?.timer);
    last?.abort.abort();
    const abort = new AbortController();
    const timer = setTimeout(() => work(key, abort.signal).catch(() => {}), delay);
    pending.set(key, { timer, abort });
  };
}

/* ---- Copy buttons ---- */

// What is long is fetched when it is asked for.
async function textOf({ dataset }) {
  if (!dataset.copyFrom) return dataset.copy;
  const answer = await fetch(dataset.copyFrom);
  if (!answer.ok) throw new Error(answer.statusText);
  return (await answer.text()).trimEnd();
}

async function copy(button) {
  let text;
  try {
    text = await textOf(button);
  } catch {
    return announce('The codes could not be fetched. Please try again.');
  }
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard without https (a portal on the local network): the old way still works.
    const field = document.createElement('textarea');
    field.value = text;
    field.readOnly = true;
    field.className = 'visually-hidden';
    layer().append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    button.focus();
    if (!done) return announce('Copying was refused by the browser');
  }
  announce('Copied');
  if (button.dataset.copied) return; // pressed again while it still says Copied
  const label = [...button.childNodes];
  button.dataset.copied = 'true';
  button.replaceChildren('Copied');
  setTimeout(() => {
    button.replaceChildren(...label);
    delete button.dataset.copied;
  }, 2000);
}

/* ---- Action windows: the form of a linked page, shown over this one ---- */

const bodyOf = (doc) => doc.querySelector('main [data-window-body]');

// The page below may have the same ids (a filter called "type"), and a label would then name
// the wrong field: everything in the window gets its own.
function ownIds(body) {
  const ids = new Set();
  for (const element of body.querySelectorAll('[id]')) {
    ids.add(element.id);
    element.id = `w-${element.id}`;
  }
  const own = (id) => (ids.has(id) ? `w-${id}` : id);
  const names = ['for', 'form', 'list', 'aria-describedby', 'aria-labelledby', 'aria-controls', 'aria-errormessage', 'popovertarget'];
  for (const name of names) {
    for (const element of body.querySelectorAll(`[${name}]`)) {
      element.setAttribute(name, element.getAttribute(name).split(/\s+/).map(own).join(' '));
    }
  }
  for (const link of body.querySelectorAll('a[href^="#"]')) {
    link.setAttribute('href', `#${own(link.getAttribute('href').slice(1))}`);
  }
}

// What had the focus may be in a menu that has closed since: then its button gets it.
function focusAgain(opener) {
  const menu = opener.closest('[popover]');
  const summary = opener.closest('details:not([open])')?.querySelector('summary');
  const button = menu?.id && document.querySelector(`[popovertarget="${menu.id}"]`);
  (summary ?? button ?? opener).focus();
}

function makeWindow(opener) {
  const dialog = document.createElement('dialog');
  dialog.className = 'window';
  dialog.setAttribute('aria-labelledby', 'window-title');
  const title = document.createElement('h2');
  title.id = 'window-title';
  const close = document.createElement('button');
  close.type = 'button';
  close.className = 'close';
  close.dataset.close = '';
  close.setAttribute('aria-label', 'Close');
  close.textContent = '×';
  const header = document.createElement('header');
  header.append(title, close);
  const content = document.createElement('div');
  content.className = 'window-body';
  dialog.append(header, content);
  dialog.addEventListener('close', () => {
    // What was made is told in the window itself, and the page below does not know of it yet.
    const isBelowOld = dialog.querySelector('[data-made]') !== null;
    dialog.remove();
    if (isBelowOld) return location.assign(location.pathname + location.search);
    focusAgain(opener);
  });
  document.body.append(dialog);
  return dialog;
}

function fill(dialog, body, base) {
  const heading = body.querySelector('h1');
  dialog.querySelector('#window-title').textContent = heading?.textContent ?? '';
  heading?.remove();
  ownIds(body);
  // A form without an action posts to the page it came from, which is not this page.
  for (const form of body.querySelectorAll('form')) {
    form.setAttribute('action', new URL(form.getAttribute('action') || base, base).href);
  }
  const content = dialog.querySelector('.window-body');
  content.replaceChildren(document.importNode(body, true));
  content.scrollTop = 0;
  if (!dialog.open) dialog.showModal();
  const field = 'input:not([type=hidden], :disabled), select:not(:disabled), textarea:not(:disabled)';
  const first =
    content.querySelector('.error-summary') ?? content.querySelector('[autofocus]') ??
    content.querySelector(field) ?? content.querySelector('a[href], button:not(:disabled)');
  first?.focus();
}

let opening = false;
async function openWindow(link) {
  if (opening) return;
  opening = true;
  try {
    const response = await get(link.href);
    const body = isHtml(response) && bodyOf(parse(await response.text()));
    // Signed out meanwhile, or refused: let the browser go there and show what it is told.
    if (!body) return location.assign(link.href);
    closeMenus();
    fill(makeWindow(link), body, response.url);
  } catch {
    location.assign(link.href);
  } finally {
    opening = false;
  }
}

// Sends the form as the browser itself would. Safe to repeat: every form carries its operation id.
function plainSubmit(form, submitter) {
  if (submitter?.name) {
    const hidden = document.createElement('input');
    hidden.type = 'hidden';
    hidden.name = submitter.name;
    hidden.value = submitter.value;
    form.append(hidden);
  }
  if (submitter?.hasAttribute('formaction')) form.action = submitter.formAction;
  if (submitter?.hasAttribute('formmethod')) form.method = submitter.formMethod;
  HTMLFormElement.prototype.submit.call(form); // a field may be named "submit"
}

async function submitInWindow(dialog, form, submitter) {
  if (dialog.ariaBusy === 'true') return;
  const data = new FormData(form, submitter); // before the buttons go off: they would be left out
  const action = new URL(submitter?.hasAttribute('formaction') ? submitter.formAction : form.getAttribute('action'), location.href);
  const method = submitter?.hasAttribute('formmethod') ? submitter.formMethod : form.getAttribute('method') ?? 'get';
  const files = form.enctype === 'multipart/form-data';
  const buttons = [...dialog.querySelectorAll('.window-body button:not(:disabled)')];
  dialog.ariaBusy = 'true';
  for (const button of buttons) button.disabled = true;
  let leaving = false;
  try {
    let response;
    if (method.toLowerCase() === 'get') {
      action.search = new URLSearchParams(data);
      response = await get(action);
    } else {
      response = await fetch(action, {
        method: 'POST', credentials: 'same-origin', headers: { accept: 'text/html' },
        body: files ? data : new URLSearchParams(data),
      });
    }
    if (response.redirected) {
      leaving = true; // the buttons stay off until the next page is here
      return location.assign(response.url);
    }
    const body = isHtml(response) && bodyOf(parse(await response.text()));
    if (!body) return plainSubmit(form, submitter);
    if (dialog.isConnected) fill(dialog, body, response.url);
  } catch {
    plainSubmit(form, submitter);
  } finally {
    if (!leaving) {
      dialog.ariaBusy = 'false';
      for (const button of buttons) button.disabled = false;
    }
  }
}

/* ---- Live preview, company search, "All" ---- */

const preview = resting(200, async (form, signal) => {
  const url = new URL(form.dataset.preview, location.href);
  for (const [name, value] of new FormData(form)) {
    if (name !== 'form') url.searchParams.set(name, value); // the operation's id belongs into no address
  }
  const response = await get(url, signal);
  const target = form.querySelector('[data-preview-target]');
  if (target && response.ok && !response.redirected && isHtml(response)) target.innerHTML = await response.text();
});

const search = resting(150, async (input, signal) => {
  const url = new URL(input.dataset.options, location.href);
  // A code belongs into no address, and no company has one for a name.
  if (/^[0-9a-z]{4}([-\u2010-\u2015]?[0-9a-z]{4}){4}$/i.test(input.value.replace(/\s/g, ''))) return;
  url.searchParams.set('q', input.value);
  const response = await get(url, signal);
  if (input.list && response.ok && !response.redirected && isHtml(response)) input.list.innerHTML = await response.text();
});

function fillAll(button) {
  const input = button.form?.elements.namedItem('amount');
  const max = button.form?.querySelector('[data-preview-target] [data-max]')?.dataset.max ?? button.dataset.max;
  if (!input || max === undefined) return;
  input.value = max;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  input.focus();
}

/* ---- Choosing rows ---- */

function countRows() {
  let chosen = 0;
  for (const all of document.querySelectorAll('input[data-select-all]')) {
    const boxes = rowsOf(all);
    const checked = boxes.filter((box) => box.checked).length;
    all.checked = checked > 0 && checked === boxes.length;
    all.indeterminate = checked > 0 && checked < boxes.length;
    chosen += checked;
  }
  for (const place of document.querySelectorAll('[data-selected-count]')) place.textContent = `${chosen} selected`;
  for (const button of document.querySelectorAll('button[data-bulk]')) button.disabled = chosen === 0;
}
const rowsOf = (all) =>
  [...document.querySelectorAll(`input[type=checkbox][name="${CSS.escape(all.dataset.selectAll)}"]:not(:disabled)`)];

/* ---- Row menus ---- */

function closeMenus(except) {
  for (const menu of document.querySelectorAll('details.row-menu[open]')) if (menu !== except) menu.open = false;
}

/* ---- Long work: how far it is, without a reload ---- */

async function refresh() {
  const section = document.querySelector('[data-refresh]');
  if (!section) return;
  try {
    const response = await get(location.href);
    if (!response.ok || response.redirected || !isHtml(response)) return;
    const fresh = parse(await response.text()).querySelector('[data-refresh]');
    if (!fresh) return location.replace(location.pathname);
    for (const part of ['progress', 'label']) {
      const [now, then] = [fresh.querySelector(part), section.querySelector(part)];
      if (part === 'progress') then.value = now.value;
      else if (then.textContent !== now.textContent) then.textContent = now.textContent;
    }
  } catch {
    // The server is away for a moment: ask again.
  }
  setTimeout(refresh, 1500);
}
setTimeout(refresh, 1500);

/* ---- Listeners ---- */

let pressedBackdrop = false;
on('pointerdown', (event) => { pressedBackdrop = event.target.matches?.('dialog.window') ?? false; });

on('click', (event) => {
  const target = event.target;
  if (!(target instanceof Element)) return;
  closeMenus(target.closest('details.row-menu'));
  const dialog = target.closest('dialog.window');
  const link = target.closest('a[data-window]');
  if (link && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    openWindow(link);
  } else if (dialog && target.closest('[data-close]')) {
    event.preventDefault();
    dialog.close();
  } else if (target === dialog && pressedBackdrop && !dialog.dataset.typed) {
    dialog.close(); // beside the window, and nothing would be lost
  } else if (target.closest('[data-copy], [data-copy-from]')) {
    copy(target.closest('[data-copy], [data-copy-from]'));
  } else if (target.closest('[data-fill-all]')) {
    fillAll(target.closest('[data-fill-all]'));
  }
});

function typed(event) {
  const field = event.target;
  const dialog = field.closest?.('dialog.window');
  if (dialog) dialog.dataset.typed = 'true';
  const form = field.form;
  if (form?.matches('[data-preview]')) preview(form);
  // A suggestion that was picked also comes as an input event; it needs no new suggestions.
  if (event.type === 'input' && field.matches('input[data-options]') && event.inputType?.startsWith('insertReplacement') !== true) search(field);
  if (event.type === 'change' && field.matches('input[type=checkbox]')) {
    if (field.dataset.selectAll) for (const box of rowsOf(field)) box.checked = field.checked;
    countRows();
  }
}
on('input', typed);
on('change', typed);

// A second press while the first is on its way is dropped. GET asks only, and a download
// leaves the page as it is, so the mark wears off.
let sent = new WeakSet();
on('submit', (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === 'dialog') return;
  const dialog = form.closest('dialog.window');
  if (dialog) {
    event.preventDefault();
    submitInWindow(dialog, form, event.submitter);
  } else if ((event.submitter?.formMethod || form.method) !== 'get') {
    if (sent.has(form)) return event.preventDefault();
    sent.add(form);
    setTimeout(() => sent.delete(form), 10000);
  }
});

on('toggle', (event) => {
  if (event.target.matches?.('details.row-menu[open]')) closeMenus(event.target);
}, true);
on('keydown', (event) => {
  const menu = event.key === 'Escape' && document.querySelector('details.row-menu[open]');
  if (!menu) return;
  const inside = menu.contains(document.activeElement);
  menu.open = false;
  if (inside) menu.querySelector('summary').focus();
});

// Also when the page comes back from the browser's memory: boxes may be ticked, forms marked.
window.addEventListener('pageshow', (event) => {
  sent = new WeakSet();
  if (event.persisted) document.querySelector('dialog.window[open]')?.close();
  countRows();
});

/* ---- The code of a redeem link: after the #, so that it never reaches a server's log ---- */

const hash = location.hash;
if (hash.length > 1 && !document.getElementById(hash.slice(1))) {
  const field = document.querySelector('form[data-from-fragment] input[name="code"]');
  if (field && !field.value) {
    try {
      field.value = decodeURIComponent(hash.slice(1));
      history.replaceState(history.state, '', location.pathname + location.search);
    } catch {
      // not a code: leave the address alone
    }
  } else if (document.body.classList.contains('plain')) {
    // Not signed in yet: it goes along, past signing in or up, to the page that takes it.
    for (const form of document.forms) form.setAttribute('action', form.getAttribute('action') + hash);
    for (const link of document.links) if (link.origin === location.origin && !link.hash) link.hash = hash;
  }
}
