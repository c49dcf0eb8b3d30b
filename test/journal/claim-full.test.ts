// A claim that a full disk does not take leaves nothing: neither its draft nor a name that says nothing.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { claimDirectory, releaseDirectory } from '../../src/journal/store/store-owner.ts';

/** As a disk that takes the name of a file and nothing of what is in it. */
let fullFor = (_: string): boolean => false;
let hasLinks = true;
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const writeFile = async (path: string, text: string, options?: object): Promise<void> => {
    const isFull = fullFor(path);
    await real.writeFile(path, isFull ? '' : text, options);
    if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  };
  const link = (from: string, to: string): Promise<void> =>
    hasLinks
      ? real.link(from, to)
      : Promise.reject(Object.assign(new Error('EPERM: no links here'), { code: 'EPERM' }));
  return { ...real, writeFile, link };
});

test.each<[string, boolean, (path: string) => boolean]>([
  ['the draft', true, () => true],
  ['the name itself, where there are no links', false, (path) => path.endsWith('owner.json')],
])('%s is gone after a claim that found the disk full', async (_, links, full) => {
  const root = join(await mkdtemp(join(tmpdir(), 'holdfast-')), 'store');
  await mkdir(root);
  hasLinks = links;
  fullFor = full;
  await expect(claimDirectory(root, root)).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(await readdir(root)).toEqual([]);
  fullFor = () => false;
  await claimDirectory(root, root);
  expect(await readdir(root)).toEqual(['owner.json']);
  await expect(claimDirectory(root, root)).rejects.toMatchObject({ code: 'JOURNAL_LOCKED' });
  expect(await readdir(root)).toEqual(['owner.json']);
  await releaseDirectory(root);
  await rm(join(root, '..'), { recursive: true });
});
