// Trainer: placeholder until its first file lands.
