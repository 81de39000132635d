"""The engine `auto` on the processor: which one runs, and with how many threads, by measurement."""
