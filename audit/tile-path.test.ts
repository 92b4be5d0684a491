import { describe, expect, it } from 'vitest';
import { readTilePath } from './tile-path.ts';

describe('the path of a tile', () => {
  it.each([
    ['000', { tile: 0, width: 256 }],
    ['067.p/1', { tile: 67, width: 1 }],
    ['x001/x234/067', { tile: 1_234_067, width: 256 }],
    ['x001/x000/000.p/255', { tile: 1_000_000, width: 255 }],
    ['x999/x999/x999/x999/999', { tile: 999_999_999_999_999, width: 256 }],
  ])('%s names one tile, or its beginning', (path, part) => {
    expect(readTilePath(path)).toEqual(part);
  });

  it.each([
    '',
    '0',
    '67',
    '0067',
    'x067',
    'x000/067',
    '001/067',
    'x1/067',
    '000.p',
    '000.p/0',
    '000.p/01',
    '000.p/256',
    '000.p/8/',
    '000/',
    '/000',
    '-01',
    'x001/x001/x001/x001/x001/001',
  ])('%s is none', (path) => {
    expect(readTilePath(path)).toBeNull();
  });
});
