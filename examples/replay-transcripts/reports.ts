// What the child processes tell their parent.
import type { MessageInfo } from 'holdfast';

/** From the one that serves. `answered` is told after the Client has answered, never before. */
export type ServingReport =
  | { readonly report: 'opening' | 'serving' }
  | {
      readonly report: 'answered';
      readonly key: string;
      /** True when the answer came from the record of an earlier call under the same key. */
      readonly repeated: boolean;
    }
  | { readonly report: 'refused'; readonly key: string; readonly code: string; readonly message: string };

/** From the one that reads everything back. */
export type ReadingReport =
  | { readonly report: 'session'; readonly sessionId: string }
  | { readonly report: 'messages'; readonly sessionId: string; readonly items: readonly MessageInfo[] }
  | { readonly report: 'end' };
