// Copies of texts that are kept for long: a part of a text, or a text put together, holds all that it was made from.

/** All at once cost the least. */
export const flatTexts = (texts: readonly string[]): readonly string[] => JSON.parse(JSON.stringify(texts));

export const flatText = (text: string): string => JSON.parse(JSON.stringify(text));
