// How much a stream's writes survive, and how the classes compare.

/**
 * `fsync`: on the disk, survives power loss. `os`: with the operating system, survives a kill of the process. `none`: in the
 * memory of this process, and nowhere else.
 */
export const durabilities = ['none', 'os', 'fsync'] as const;

export type Durability = (typeof durabilities)[number];
