// Judge: placeholder until its first file lands.
