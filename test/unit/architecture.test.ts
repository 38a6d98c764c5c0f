import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findLayerFaults } from '../../scripts/layers.ts';

it('keeps every import along the arrows of the layers', () => {
  expect(findLayerFaults()).toEqual([]);
});

it('keeps the domain without a clock and without chance', async () => {
  const { globSync } = await import('node:fs');
  const impure = globSync('src/domain/*.ts').filter((file) =>
    /\bnew Date\(\)|Date\.now\(|Math\.random\(|process\./.test(readFileSync(file, 'utf8')),
  );
  expect(impure).toEqual([]);
});
