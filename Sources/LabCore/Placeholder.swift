// LabCore: placeholder until its first file lands.
