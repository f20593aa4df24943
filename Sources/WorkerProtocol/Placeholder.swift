// WorkerProtocol: placeholder until its first file lands.
