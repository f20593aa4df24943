// Evolution: placeholder until its first file lands.
