// EmbeddedPython: placeholder until its first file lands.
