// What is sent: about what an agent's message weighs, a sentence of 90 bytes.

export const content =
  'The quick brown fox jumps over the lazy dog while the agent waits for its tool to answer. '.slice(0, 90);
