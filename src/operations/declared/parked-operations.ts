// Operations on parked events, for the registry.
import { z } from 'zod';
import { parkingActions } from '../../domain/recovery/parked-law.ts';
import { type Operation, read, write } from '../operation.ts';
import { jsonObject, reason, seq, sessionId } from '../schema.ts';
import type { ParkedInfo, ParkingAnswer } from '../views/parked-views.ts';

export const parkedOperations = {
  'recovery.parked': read<ParkedInfo>()(
    'The events of a session that are parked: left out of its replay, or taken with another payload.',
    z.strictObject({ sessionId }),
  ),
  'recovery.park': write<ParkingAnswer>()(
    'Leaves an event out of the replay of its session, or gives it another payload there; its record stays as it is.',
    z.strictObject({
      sessionId,
      seq,
      action: z.enum(parkingActions),
      data: jsonObject.optional(),
      reason,
    }),
  ),
  'recovery.unpark': write<ParkingAnswer>()(
    'Takes a parked event as it is recorded once more.',
    z.strictObject({ sessionId, seq }),
  ),
} as const satisfies Record<string, Operation>;
