// LabTesting: placeholder until its first file lands.
