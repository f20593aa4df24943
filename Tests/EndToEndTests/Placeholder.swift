// EndToEndTests: placeholder until its first test lands.
