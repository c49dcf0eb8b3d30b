// A listener of the user's, wrapped: whatever it throws, now or later, is told to `failed` and to nobody else.

export function guardedListener<Message>(
  listener: (message: Message) => unknown,
  failed: (error: unknown) => void,
): (message: Message) => void {
  return (message) => {
    try {
      const result = listener(message);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}
