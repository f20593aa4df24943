import CLockdown
import EmbeddedPython
import Glibc

/// What this machine offers to run generated code: one JSON line, for `losslab system check`.
///
///     {"python":"3.11.2","venv":{"path":"...","usable":true,"torch":true,"problem":null},
///      "sandbox":{"landlock":7,"seccomp":true,"namespaces":["pid","net"],...,"missing":[]}}
enum SystemReport {
    /// Prints the line. Returns 0 when generated code can be run here, 1 when something required is missing.
    static func print(for options: Options) -> Int32 {
        let (venv, venvIsFine) = venvReport(options.venv)
        let (sandbox, sandboxHolds) = sandboxReport()
        writeAll(
            #"{"python":\#(jsonText(PythonVenv.libraryVersion)),"venv":\#(venv),"sandbox":\#(sandbox)}"# + "\n", to: 1)
        return venvIsFine && sandboxHolds ? 0 : 1
    }

    private static func venvReport(_ directory: String?) -> (json: String, isFine: Bool) {
        guard let directory else { return ("null", true) }
        var problem: String?
        var usable = false
        do {
            let venv = try PythonVenv(checking: directory)
            usable = true
            try venv.requireTorch()
        } catch {
            problem = "\(error)"
        }
        let reason = problem.map(jsonText) ?? "null"
        let fields =
            #""path":\#(jsonText(directory)),"usable":\#(usable),"torch":\#(problem == nil),"problem":\#(reason)"#
        return ("{\(fields)}", problem == nil)
    }

    private static func sandboxReport() -> (json: String, holds: Bool) {
        var layers = lockdown_layers()
        var text = [CChar](repeating: 0, count: 512)
        var missing: [String] = []
        lockdown_prepare()
        let failed = lockdown_probe(&layers, &text, text.count) != 0
        let problem = EmbeddedPython.text(in: text)
        if layers.landlock == 0 { missing.append("landlock") }
        if layers.seccomp == 0 { missing.append("seccomp") }
        let names: [(Int, String)] = [
            (LOCKDOWN_USER, "user"), (LOCKDOWN_PID, "pid"), (LOCKDOWN_NET, "net"),
            (LOCKDOWN_MOUNT, "mount"), (LOCKDOWN_IPC, "ipc"), (LOCKDOWN_UTS, "uts"),
        ]
        let namespaces = names.filter { Int(layers.namespaces) & $0.0 != 0 }.map { jsonText($0.1) }
        let fields = [
            #""landlock":\#(layers.landlock)"#,
            #""seccomp":\#(layers.seccomp != 0)"#,
            #""namespaces":[\#(namespaces.joined(separator: ","))]"#,
            #""emptyRoot":\#(layers.empty_root != 0)"#,
            #""uidDropped":\#(layers.uid_dropped != 0)"#,
            #""capabilitiesDropped":\#(layers.capabilities_dropped != 0)"#,
            #""limits":\#(layers.limits != 0)"#,
            #""missing":[\#(missing.map(jsonText).joined(separator: ","))]"#,
            #""problem":\#(failed ? jsonText(problem) : "null")"#,
        ]
        return ("{\(fields.joined(separator: ","))}", missing.isEmpty && !failed)
    }
}
