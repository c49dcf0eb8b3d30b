// Arrows between rooms, packages in their rooms, and cycles of files and of rooms.
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import {
  entryBarrels,
  type Permission,
  packagePlan,
  roomPlan,
  roomsWithoutNode,
} from './architecture-plan.ts';
import { findCycles, graphOf } from './cycle-search.ts';
import { importsOf, type ModuleImport } from './module-import.ts';
import { packageNameOf } from './package-name.ts';
import type { SourceTree } from './source-tree.ts';

/** The room of a file: its folder under `src`, or its own name when it stands in `src` itself. */
export function roomOf(path: string): string {
  const [, first = ''] = path.split('/');
  return first.replace(/\.ts$/, '');
}

interface Arrow extends ModuleImport {
  readonly from: string;
  readonly to: string;
}

export function checkImports(tree: SourceTree): readonly string[] {
  const arrows: Arrow[] = [];
  const violations: string[] = [];
  for (const [from, file] of tree) {
    for (const found of importsOf(file)) {
      if (!/^\.{0,2}\//.test(found.specifier)) violations.push(...checkPackage(from, found));
      else arrows.push({ ...found, from, to: resolve(from, found.specifier, tree) });
    }
  }
  violations.push(...arrows.flatMap((arrow) => checkArrow(arrow, tree)));
  return [...new Set([...violations, ...checkCycles(arrows.filter(({ to }) => tree.has(to)))])];
}

function checkArrow({ from, to, typeOnly }: Arrow, tree: SourceTree): readonly string[] {
  const arrow = `${from} -> ${to}`;
  if (!to.startsWith('src/')) return [`${arrow}: an import may not leave src`];
  if (!tree.has(to)) return [`${arrow}: there is no such file`];
  if (entryBarrels.includes(to) && roomOf(from) !== 'index') {
    return [`${arrow}: inside, a file imports files, not an entry barrel`];
  }
  const [room, target] = [roomOf(from), roomOf(to)];
  const permission = roomPlan[room];
  if (room === target || permission === undefined || permission.may.includes(target)) return [];
  if (!permission.types?.includes(target)) return [`${arrow}: ${room} may not import ${target}`];
  return typeOnly
    ? []
    : [`${arrow}: ${room} may take only types of ${target}, with "import type" or "export type"`];
}

function checkPackage(from: string, { specifier, typeOnly }: ModuleImport): readonly string[] {
  const arrow = `${from} -> ${specifier}`;
  const room = roomOf(from);
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return [`${arrow}: write node:${specifier}`];
    return roomsWithoutNode.includes(room) ? [`${arrow}: ${room} may not open node: builtins`] : [];
  }
  const name = packageNameOf(specifier);
  const permission = packagePlan[name] ?? packagePlan[name.replace(/\/.*/, '/')];
  if (permission === undefined) return [`${arrow}: the plan has no room for the package ${name}`];
  if (permission.may.includes(room)) return [];
  if (!permission.types?.includes(room)) return [`${arrow}: ${whoMay(permission, name)}`];
  return typeOnly ? [] : [`${arrow}: ${room} may take only types of ${name}, with "import type"`];
}

function whoMay({ may }: Permission, name: string): string {
  return `only ${may.join(' and ')} may open ${name}`;
}

function resolve(from: string, specifier: string, tree: SourceTree): string {
  const path = posix.join(posix.dirname(from), specifier);
  const source = path.replace(/\.js$/, '.ts');
  return tree.has(source) ? source : path;
}

function checkCycles(arrows: readonly Arrow[]): readonly string[] {
  const files = graphOf(arrows.map(({ from, to }) => [from, to]));
  const between = arrows.map(({ from, to }): [string, string] => [roomOf(from), roomOf(to)]);
  const rooms = graphOf(between.filter(([room, target]) => room !== target));
  return [
    ...findCycles(files).map((path) => `cycle of files: ${path.join(' -> ')}`),
    ...findCycles(rooms).map((path) => `cycle of rooms: ${path.join(' -> ')}`),
  ];
}
