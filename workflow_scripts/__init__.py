"""One thin script per rule: arguments, read, call one room of the library, write."""
