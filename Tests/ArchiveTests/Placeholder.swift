// ArchiveTests: placeholder until its first test lands.
