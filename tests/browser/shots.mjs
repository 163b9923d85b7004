// Takes screenshots of every page, open dialog and open menu, for review: node shots.mjs FOLDER [ACCOUNT]

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { start, stop, visit } from './scrip.mjs';
import { SIGNED_OUT, VIEWS } from './views.mjs';

const [folder, only] = process.argv.slice(2);
if (!folder) throw new Error('usage: node shots.mjs FOLDER [ACCOUNT]');
mkdirSync(folder, { recursive: true });

async function shoot(account, views) {
  for (const width of [1280, 360]) {
    await visit({ as: account, width }, async (page) => {
      for (const view of views) {
        await view.show(page);
        for (const scheme of ['light', 'dark']) {
          await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
          const name = `${account ?? 'nobody'} - ${view.name} - ${width} ${scheme}.png`;
          // A dialog or menu is positioned on the screen, so capture only the viewport.
          const fullPage = (await page.locator('dialog[open], [popover]:popover-open').count()) === 0;
          await page.screenshot({ path: join(folder, name), fullPage });
        }
      }
    });
  }
}

await start();
try {
  if (!only) await shoot(undefined, SIGNED_OUT);
  for (const [account, views] of Object.entries(VIEWS)) if (!only || only === account) await shoot(account, views);
} finally {
  await stop();
}
