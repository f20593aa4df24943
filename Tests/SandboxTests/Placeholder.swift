// SandboxTests: placeholder until its first test lands.
