import Foundation

/// Gathers what `losslab system check` reports.
enum SystemFindings {
    static func gather(for project: Project) -> [SystemFinding] {
        [swift(), python(), virtualEnvironment(project), worker(project)] + workerParts(project)
            + [
                library("libcurl", package: "libcurl4-openssl-dev"),
                library("python3-embed", package: "libpython3-dev"),
                library("libseccomp", package: "libseccomp-dev"), library("sqlite3", package: "libsqlite3-dev"), gpu(),
            ]
    }

    private static func swift() -> SystemFinding {
        let output = output(of: ["swift", "--version"]) ?? ""
        let version = output.firstMatch(of: /Swift version ([0-9.]+)/).map { String($0.1) }
        return SystemFinding(
            part: "Swift", present: version != nil, required: false, found: version ?? "not on PATH",
            remedy: "needed to build only: install Swift 6.2 or newer from swift.org")
    }

    private static func python() -> SystemFinding {
        let version = output(of: ["/usr/bin/python3", "--version"])
        return SystemFinding(
            part: "system Python", present: version != nil, required: true, found: version ?? "no /usr/bin/python3",
            remedy: "apt-get install python3 python3-venv libpython3-dev")
    }

    private static func virtualEnvironment(_ project: Project) -> SystemFinding {
        let path = project.virtualEnvironment
        let config = (try? String(contentsOfFile: path + "/pyvenv.cfg", encoding: .utf8)) ?? ""
        let ofSystem = config.contains("home = /usr/bin\n")
        let found =
            config.isEmpty
            ? "none at \(path)" : ofSystem ? path : "\(path), made by another Python than /usr/bin/python3"
        return SystemFinding(
            part: "virtual environment", present: ofSystem, required: true, found: found, remedy: "make setup")
    }

    private static func worker(_ project: Project) -> SystemFinding {
        let present = FileManager.default.isExecutableFile(atPath: project.worker)
        return SystemFinding(
            part: "losslab-worker", present: present, required: true,
            found: present ? project.worker : "none at \(project.worker)",
            remedy: "make release, or name it with LOSSLAB_WORKER")
    }

    /// What the worker itself says of its Python packages and of the kernel's sandbox features.
    private static func workerParts(_ project: Project) -> [SystemFinding] {
        let report = WorkerReport(project)
        let hasTorch = report?.venv.torch == true
        let torch = SystemFinding(
            part: "torch", present: hasTorch, required: true,
            found: hasTorch ? "in the virtual environment" : report?.venv.problem ?? unknown, remedy: "make setup")
        return [torch] + (report.map { kernelParts($0.sandbox) } ?? unknownKernelParts)
    }

    private static func kernelParts(_ layers: WorkerReport.Layers) -> [SystemFinding] {
        let namespaces = layers.namespaces ?? []
        var parts = [
            SystemFinding(
                part: "Landlock", present: layers.abi > 0, required: true,
                found: layers.abi > 0 ? "ABI \(layers.abi)" : "not offered by this kernel",
                remedy: "Linux 5.13 or newer with landlock in the lsm= list; or --allow-unsandboxed at your own risk"),
            SystemFinding(
                part: "seccomp", present: layers.hasFilter, required: true,
                found: layers.hasFilter ? "filter mode" : "not offered by this kernel",
                remedy: "a kernel with CONFIG_SECCOMP_FILTER; or --allow-unsandboxed at your own risk"),
            SystemFinding(
                part: "namespaces", present: !namespaces.isEmpty, required: false,
                found: namespaces.isEmpty ? "none" : namespaces.joined(separator: " "),
                remedy: "an extra layer: allow unprivileged user namespaces"),
        ]
        if let problem = layers.problem, layers.abi > 0, layers.hasFilter {
            parts.append(
                SystemFinding(
                    part: "sandbox", present: false, required: true, found: problem,
                    remedy: "give this shell's processes more room (ulimit -a shows their limits)"))
        }
        return parts
    }

    /// Only the worker can tell: without it nothing is said of the kernel.
    private static var unknownKernelParts: [SystemFinding] {
        ["Landlock", "seccomp"].map {
            SystemFinding(
                part: $0, present: false, required: true, found: unknown, remedy: "get losslab-worker to run first")
        }
    }

    private static let unknown = "not known: losslab-worker does not run here"

    private static func library(_ name: String, package: String) -> SystemFinding {
        let version = output(of: ["pkg-config", "--modversion", name])
        return SystemFinding(
            part: name, present: version != nil, required: false, found: version ?? "no development files",
            remedy: "needed to build only: apt-get install \(package)")
    }

    private static func gpu() -> SystemFinding {
        let present = FileManager.default.fileExists(atPath: "/dev/nvidia0")
        return SystemFinding(
            part: "GPU", present: present, required: false, found: present ? "NVIDIA" : "none",
            remedy: "not needed for the embedded benchmark")
    }

    /// First line of a program's output, or `nil` when it cannot be run or fails.
    private static func output(of arguments: [String]) -> String? {
        wholeOutput(of: arguments)?.split(separator: "\n").first.map(String.init)
    }

    private static func wholeOutput(of arguments: [String]) -> String? {
        let (text, code) = said(by: arguments)
        return code == 0 ? text : nil
    }

    /// - Returns: what a program printed, and its exit code; `nil` where it cannot be run.
    fileprivate static func said(by arguments: [String]) -> (text: String, code: Int32?) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return ("", nil) }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (String(decoding: data, as: UTF8.self), process.terminationStatus)
    }
}

/// The line of `losslab-worker system`, which it prints also where something is missing.
private struct WorkerReport: Decodable {
    struct Venv: Decodable {
        let torch: Bool
        let problem: String?
    }
    struct Layers: Decodable {
        let landlock: Int?
        let seccomp: Bool?
        let namespaces: [String]?
        let problem: String?

        var abi: Int { landlock ?? 0 }
        var hasFilter: Bool { seccomp == true }
    }
    let venv: Venv
    let sandbox: Layers

    init?(_ project: Project) {
        let line = SystemFindings.said(by: [project.worker, "system", "--venv", project.virtualEnvironment]).text
        guard let report = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else { return nil }
        self = report
    }
}
