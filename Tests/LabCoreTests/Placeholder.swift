// LabCoreTests: placeholder until its first test lands.
