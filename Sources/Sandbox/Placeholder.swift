// Sandbox: placeholder until its first file lands.
