// EvolutionTests: placeholder until its first test lands.
