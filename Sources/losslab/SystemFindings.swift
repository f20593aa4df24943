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
        struct Report: Decodable {
            struct Venv: Decodable {
                let torch: Bool
                let problem: String?
            }
            struct Layers: Decodable {
                let landlock: Int?
                let seccomp: Bool?
                let namespaces: [String]?
            }
            let venv: Venv
            let sandbox: Layers
        }
        let arguments = [project.worker, "system", "--venv", project.virtualEnvironment]
        let report = wholeOutput(of: arguments).flatMap {
            try? JSONDecoder().decode(Report.self, from: Data($0.utf8))
        }
        let hasTorch = report?.venv.torch == true
        let landlock = report?.sandbox.landlock ?? 0
        let hasSeccomp = report?.sandbox.seccomp == true
        let namespaces = report?.sandbox.namespaces ?? []
        return [
            SystemFinding(
                part: "torch", present: hasTorch, required: true,
                found: hasTorch ? "in the virtual environment" : report?.venv.problem ?? "not importable",
                remedy: "make setup"),
            SystemFinding(
                part: "Landlock", present: landlock > 0, required: true,
                found: landlock > 0 ? "ABI \(landlock)" : "not offered by this kernel",
                remedy: "Linux 5.13 or newer with landlock in the lsm= list; or --allow-unsandboxed at your own risk"),
            SystemFinding(
                part: "seccomp", present: hasSeccomp, required: true,
                found: hasSeccomp ? "filter mode" : "not offered by this kernel",
                remedy: "a kernel with CONFIG_SECCOMP_FILTER; or --allow-unsandboxed at your own risk"),
            SystemFinding(
                part: "namespaces", present: !namespaces.isEmpty, required: false,
                found: namespaces.isEmpty ? "none" : namespaces.joined(separator: " "),
                remedy: "an extra layer: allow unprivileged user namespaces"),
        ]
    }

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
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return nil }
        return String(decoding: data, as: UTF8.self)
    }
}
