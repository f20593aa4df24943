// Proposer: placeholder until its first file lands.
