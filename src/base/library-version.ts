// The version of this library, as package.json has it: a test holds them equal.
export const libraryVersion = '0.1.0';
