// The figures as text: each row when it is done, all of them once more in short, and what has changed. Pure.
import type { Change } from './comparison.ts';
import type { Measured } from './measure.ts';
import type { PeerRow } from './peer-row.ts';
import { figureName, type Row, type Side, type SkippedRow, verdictOf } from './row.ts';

export function describeRow(row: Row | SkippedRow): string {
  if ('skipped' in row) return `\n${row.name} (${row.id})\n  skipped   ${row.skipped}`;
  const { id, name, unit, product, floor, notes } = row;
  return [
    `\n${name} (${id})`,
    sideLine('holdfast', product, unit),
    sideLine('floor', floor, unit),
    `  figure    ${range(row.figure)} ${figureName(row)}${limits(row)}`,
    ...notes.map((note) => `  note      ${note}`),
  ].join('\n');
}

function sideLine(label: string, { name, durability, cost, details }: Side, unit: string): string {
  const beside = Object.entries(details).map(([of, measured]) => `${number(measured.median)} ${of}`);
  return `  ${label.padEnd(9)} ${range(cost)} ${unit}; ${beside.join(', ')}\n            ${name}; durability: ${durability}`;
}

function limits({ judging, figure, limit }: Row): string {
  if (limit === undefined) return '; no limit';
  const sign = judging === 'rate' ? '>=' : '<=';
  const told = (['must', 'aim'] as const).map(
    (kind) => `${kind} ${sign} ${limit[kind]} ${verdictOf(judging, figure.median, limit[kind])}`,
  );
  return `; ${told.join(', ')}`;
}

/** One line per row: what the table of a page is made from. */
export function describeAll(rows: readonly (Row | SkippedRow)[]): string {
  const lines = rows.map((row) =>
    'skipped' in row
      ? `${row.id.padEnd(26)} skipped: ${row.skipped}`
      : `${row.id.padEnd(26)} ${range(row.figure)} ${figureName(row)}${limits(row)}`,
  );
  return ['', 'In short (median [lowest to highest] of the rounds):', ...lines].join('\n');
}

export function describePeer(row: PeerRow): string {
  const { name, unit, product, productDurability, peerName, peer, peerDurability, ratio, note } = row;
  return [
    `\n${name}`,
    `  holdfast  ${range(product)} ${unit}; durability: ${productDurability}`,
    `  peer      ${range(peer)} ${unit}; ${peerName}; durability: ${peerDurability}`,
    `  figure    ${range(ratio)} times the product's cost is the peer's${peerLimits(row)}`,
    ...(note === undefined ? [] : [`  note      ${note}`]),
  ].join('\n');
}

function peerLimits({ must, aim, ratio }: PeerRow): string {
  const told = Object.entries({ must, aim }).flatMap(([kind, limit]) =>
    limit === undefined ? [] : [`${kind} >= ${limit} ${verdictOf('rate', ratio.median, limit)}`],
  );
  return told.length === 0 ? '; no limit' : `; ${told.join(', ')}`;
}

export const hasPeerMissed = ({ must, ratio }: PeerRow): boolean =>
  must !== undefined && verdictOf('rate', ratio.median, must) === 'missed';

export function describeChanges(changes: readonly Change[]): string {
  const lines = changes.map(({ id, before, after, percent, kind }) => {
    const sign = percent >= 0 ? '+' : '';
    return `${id.padEnd(26)} ${range(before)} -> ${range(after)}  ${sign}${percent.toFixed(1)} %  ${kind}`;
  });
  return ['', 'Before -> after; ranges that overlap are no visible change:', ...lines].join('\n');
}

export const range = ({ median, lowest, highest }: Measured): string =>
  `${number(median)} [${number(lowest)} to ${number(highest)}]`;

export function number(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  if (Math.abs(value) >= 10 || value === 0) return value.toFixed(1);
  return Math.abs(value) >= 0.1 ? value.toFixed(2) : value.toPrecision(2);
}
