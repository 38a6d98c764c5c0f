/** The seed of this run's random tests: TABLAO_SEED replays an earlier one. */
export function seedOf(): number {
  return Number(process.env.TABLAO_SEED ?? Math.floor(Math.random() * 2 ** 31));
}

/** Numbers from 0 to 1 (without it), the same ones for the same seed: mulberry32. */
export function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
