import Foundation

/// A worker that speaks the protocol from a script, for what the real one does not do on demand: fail, and wait.
extension Program {
    /// The variable under which a command finds it.
    ///
    /// - Parameter job: Python lines run for each job, with `job` and `say(event)` at hand.
    func standInWorker(_ job: String) throws -> [String: String] {
        let body = job.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }
        return try installedWorker(
            """
            #!/usr/bin/python3 -I
            import json, os, sys, time
            def say(event): os.write(3, (json.dumps(event) + "\\n").encode())
            say({"event": "ready", "version": 1, "python": "3", "torch": "2", "sandbox": {"landlock": 7, "seccomp": True}})
            for line in sys.stdin:
                job = json.loads(line)
            \(body.joined(separator: "\n"))
            """)
    }

    /// Installs a script as the worker.
    func installedWorker(_ text: String) throws -> [String: String] {
        let draft = try write(text, to: "worker-draft")
        // By another process: were the file ever open for writing here, a test that forks at that moment would hold it.
        let install = try Process.run(
            URL(filePath: "/usr/bin/install"),
            arguments: ["-m", "755", draft, folder.appending(path: "worker").path])
        install.waitUntilExit()
        return ["LOSSLAB_WORKER": folder.appending(path: "worker").path]
    }
}
