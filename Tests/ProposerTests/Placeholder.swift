// ProposerTests: placeholder until its first test lands.
