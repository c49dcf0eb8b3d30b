// Mail as it is shown.
import type { Json } from '../../base/json.ts';

export interface LetterInfo {
  readonly messageId: string;
  readonly from: string;
  readonly to: string;
  readonly name: string;
  /** When it came in, or came back. */
  readonly at: number;
}

export interface ReceivedLetter extends LetterInfo {
  readonly payload: Json;
  readonly sentAt: number;
}

export interface DeadLetterInfo extends LetterInfo {
  /** Why it could not be delivered, as the code of an error. */
  readonly code: string;
  /** How often it came back. */
  readonly attempts: number;
  readonly payload: Json;
}

export interface UndeliveredMail {
  readonly sessionId: string;
  /** How many dead letters it has. */
  readonly dead: number;
}
