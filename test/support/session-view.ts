// All that a reader can be shown of a state, and what is counted beside it, as plain data that can be compared.

import { openRuns, workOf } from '../../src/domain/agent/agent-runs.ts';
import { writtenWork } from '../../src/domain/agent/run-work.ts';
import { listFiles, listIndex } from '../../src/domain/session/active-files.ts';
import { keptSeqs } from '../../src/domain/session/conversation.ts';
import { contextOf, type SessionState, statusOf } from '../../src/domain/session/session-state.ts';
import { listItems } from '../../src/domain/session/working-context.ts';

/** Without who sent a message: that stays in the journal. */
export function viewOf(state: SessionState): Readonly<Record<string, unknown>> {
  const { sessionId, profile, conversation, files, memory, agents, checkpoints } = state;
  return {
    sessionId,
    status: statusOf(state),
    context: contextOf(state),
    profile,
    window: conversation.window
      .toArray()
      .map(({ stream, seq, at, type, typeVersion, data }) => ({ stream, seq, at, type, typeVersion, data })),
    windowBytes: conversation.windowBytes,
    kept: keptSeqs(conversation),
    clearedThrough: conversation.clearedThrough,
    hidden: conversation.hidden,
    checkpoints,
    agents: [openRuns(agents), agents.ended],
    work: openRuns(agents).map(({ runId }) => writtenWork(runId, workOf(agents, runId))),
    agentsDue: [agents.dueAt, agents.parked],
    files: listFiles(files),
    fileIndex: listIndex(files),
    indexBytes: files.indexBytes,
    memory: listItems(memory),
    memoryBytes: memory.bytes,
    sizes: [files.active.size, files.index.size, memory.items.size, conversation.kept.size],
  };
}
