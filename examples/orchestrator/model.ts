// Stands in for a language model: small and deterministic, so that the sums can be checked.

export const text = [
  'A supervisor has one task: it starts its children, watches them, and starts them again.',
  'It does not know what they do.',
  'A child that meets what it did not expect does not repair itself: it crashes.',
  'Its next incarnation begins in a state that is known to be good.',
  'So the code of the child is the code of what it does.',
  'The rest is somebody else who has only this to do.',
].join(' ');

export const splitIntoParts = (whole: string): string[] => whole.split(/(?<=[.]) /);

export const countWords = (part: string): number => part.split(' ').length;
