// The words of a text by which things are found and compared: in small letters, without the commonest of English, in their order.

const common: ReadonlySet<string> = new Set(
  (
    'a about after all also an and any are as at be because been but by can could did do does for from had has have he her his how i if in ' +
    'into is it its just me more my no not of on one or our out she should so some than that the their them then there these they this to ' +
    'up us was we were what when which who will with would you your'
  ).split(' '),
);

/** Names of programs come apart: `readFile` is two words, and so is `read_file`. */
export function termsOf(text: string): readonly string[] {
  const parted = text.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').toLowerCase();
  return (parted.match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => word.length > 1 && !common.has(word));
}

/** The part of the wanted terms that is there, from 0 to 1; 0 where none is wanted. */
export function shareFound(wanted: ReadonlySet<string>, there: ReadonlySet<string>): number {
  if (wanted.size === 0) return 0;
  let found = 0;
  for (const term of wanted) if (there.has(term)) found += 1;
  return found / wanted.size;
}
