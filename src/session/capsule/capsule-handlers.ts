// Operations that take a session out as text, and bring one in.
import { HoldfastError } from '../../base/errors.ts';
import type { Handlers } from '../../operations/bind.ts';
import type { HandlerContext } from '../handlers/handler-context.ts';
import { sessionRecord } from '../handlers/query-handlers.ts';
import { exportCapsule } from './export-session.ts';
import { importText } from './import-session.ts';
import { Uploads } from './uploads.ts';

export type CapsuleOperation = `sessions.${'export' | 'upload' | 'import'}`;

export function capsuleHandlers(context: HandlerContext): Handlers<CapsuleOperation> {
  const uploads = new Uploads(context);
  return {
    'sessions.export': async (input) => {
      if (input.format === 'capsule') return exportCapsule(context, input);
      if (input.redact !== undefined)
        throw invalid('sessions.export', 'redact', 'only a capsule can be redacted');
      return { text: `${JSON.stringify(await sessionRecord(context, input.sessionId))}\n` };
    },
    'sessions.upload': ({ uploadId, text }) => uploads.add(uploadId, text),
    'sessions.import': ({ text, uploadId, ...input }, call) => {
      if ((text === undefined) === (uploadId === undefined))
        throw invalid('sessions.import', 'text', 'give a text, or the id of an upload');
      return importText(context, text ?? uploads.take(uploadId ?? ''), input, call);
    },
  };
}

function invalid(operation: string, field: string, problem: string): HoldfastError {
  return new HoldfastError('INVALID_INPUT', { operation, field, problem });
}
