// The names of LevelDB's files: a kind and a number, the newest with the highest.

export const isTable = (name: string): boolean => /^\d+\.(ldb|sst)$/.test(name);
export const isLog = (name: string): boolean => /^\d+\.log$/.test(name);
export const numberOf = (name: string): number => Number(/\d+/.exec(name)?.[0] ?? 0);
export const fileNumber = (number: number): string => String(number).padStart(6, '0');
