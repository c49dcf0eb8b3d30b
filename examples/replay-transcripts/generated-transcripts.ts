// Transcripts made from a seed, in the shape of real ones: for those who have none at hand.
import type { Json } from 'holdfast';
import { seededRandom } from './seeded-random.ts';
import type { ChatMessage, Transcript } from './transcript.ts';

const tools = ['get_user_details', 'get_reservation', 'search_direct_flight', 'update_flights', 'calculate'];
const words = (
  'the a my your flight booking seat refund Tuesday please confirm change cancel cabin economy business card ' +
  'passenger luggage insurance yes no thank you sorry könnten 航班 ✈️ 👩‍💻 "quoted" back\\slash line\nbreak'
).split(' ');

/** Four trials of each task, of 6 to 60 messages. */
export function generateTranscripts(seed: number, count = 100): Transcript[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const about = { task_id: Math.floor(index / 4), trial: index % 4, reward: random() < 0.5 ? 1 : 0 };
    return {
      line: index + 1,
      taskId: String(about.task_id),
      trial: String(about.trial),
      about,
      messages: new Conversation(random).messages(),
    };
  });
}

class Conversation {
  readonly #random: () => number;
  readonly #messages: ChatMessage[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  messages(): readonly ChatMessage[] {
    this.#messages.push({ role: 'system', content: `# Policy\n\n${this.#text(600)}` });
    const turns = 2 + Math.floor(this.#random() * 11);
    for (let turn = 0; turn < turns; turn++) this.#turn();
    if (this.#random() < 0.3) this.#toolCall('transfer_to_human_agents');
    return this.#messages;
  }

  #turn(): void {
    this.#messages.push({ role: 'user', content: this.#random() < 0.05 ? '' : this.#text(30) });
    for (let calls = Math.floor(this.#random() * 3); calls > 0; calls--) this.#toolCall(this.#choice(tools));
    this.#messages.push(this.#answer());
  }

  /** Most answers are a text; some come in parts, or with members that only one vendor has. */
  #answer(): ChatMessage {
    const content = this.#text(60);
    const kind = this.#random();
    if (kind < 0.1) return { role: 'assistant', content: [{ type: 'text', text: content }], name: 'desk' };
    if (kind < 0.2)
      return { role: 'assistant', content, refusal: null, annotations: [], audio: { id: null } };
    return { content, role: 'assistant' };
  }

  #toolCall(name: string): void {
    const id = `call_${Math.floor(this.#random() * 2 ** 52).toString(36)}`;
    const call: Json = {
      function: { arguments: JSON.stringify({ id: this.#text(2) }), name },
      id,
      type: 'function',
    };
    this.#messages.push({ content: null, role: 'assistant', tool_calls: [call] });
    this.#messages.push({
      role: 'tool',
      tool_call_id: id,
      name,
      content: JSON.stringify({ found: this.#text(80) }),
    });
  }

  #text(length: number): string {
    return Array.from({ length: 1 + Math.floor(this.#random() * length) }, () => this.#choice(words)).join(
      ' ',
    );
  }

  #choice(list: readonly string[]): string {
    return list[Math.floor(this.#random() * list.length)] ?? '';
  }
}
