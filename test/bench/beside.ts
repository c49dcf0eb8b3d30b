// Two sides in alternating rounds: each is run once to get warm, then both in every round, the order swapped each time.

export async function alternating<Result>(
  rounds: number,
  product: () => Promise<Result>,
  floor: () => Promise<Result>,
): Promise<{ readonly product: readonly Result[]; readonly floor: readonly Result[] }> {
  const results: { product: Result[]; floor: Result[] } = { product: [], floor: [] };
  await floor();
  await product();
  for (let round = 0; round < rounds; round++) {
    // Neither always runs on a warmer machine.
    const order = round % 2 === 0 ? (['product', 'floor'] as const) : (['floor', 'product'] as const);
    for (const side of order) results[side].push(await (side === 'product' ? product : floor)());
  }
  return results;
}
