// LabConfig: placeholder until its first file lands.
