import Foundation
import Testing

/// The architecture's table of who may import whom, held against the package and against every import line.
@Suite struct LayeringTests {
    /// Target -> what it may depend on: targets of this package and products of others.
    static let allowed: [String: Set<String>] = [
        "LabCore": ["Crypto"],
        "LabTesting": ["LabCore"],
        "LoopbackServers": [],
        "WorkerProtocol": ["LabCore"],
        "LabConfig": ["LabCore", "Yams"],
        "CCurl": [],
        "ChatClient": ["LabCore", "CCurl", "Yams"],
        "CSpawn": [],
        "Sandbox": ["LabCore", "CSpawn"],
        "Archive": ["LabCore", "GRDB"],
        "Evolution": ["LabCore"],
        "Proposer": ["LabCore", "ChatClient"],
        "Judge": ["LabCore", "ChatClient", "Yams"],
        "Trainer": ["LabCore", "WorkerProtocol", "Sandbox"],
        "LocalModels": ["LabCore", "Sandbox"],
        "CampaignRunner": ["LabCore", "Evolution", "Logging"],
        "Laboratory": ["LabCore", "LabConfig", "Trainer", "Judge"],
        "CPython": ["CPythonEmbed", "CLockdown"],
        "CLockdown": ["CSeccomp"],
        "CPythonEmbed": [],
        "CSeccomp": [],
        "EmbeddedPython": ["CPython", "CLockdown"],
        "losslab-worker": ["EmbeddedPython", "CLockdown", "WorkerProtocol"],
        "losslab": [
            "LabCore", "LabConfig", "ChatClient", "Archive", "Evolution", "Proposer", "Judge", "Trainer",
            "LocalModels", "CampaignRunner", "Laboratory", "ArgumentParser", "Logging",
        ],
    ]

    /// Modules of the system that any target but LabCore may import.
    static let system: Set<String> = ["Foundation", "Glibc", "Darwin", "Dispatch", "Synchronization"]

    private struct Description: Decodable {
        struct Target: Decodable {
            let name: String
            let type: String
            let targetDependencies: [String]?
            let productDependencies: [String]?

            enum CodingKeys: String, CodingKey {
                case name, type
                case targetDependencies = "target_dependencies"
                case productDependencies = "product_dependencies"
            }
        }

        let targets: [Target]
    }

    private static var root: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }

    @Test func everyTargetDependsOnlyDownwards() throws {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "layering-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["swift", "package", "--scratch-path", scratch.path, "describe", "--type", "json"]
        process.currentDirectoryURL = Self.root
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let description = try JSONDecoder().decode(Description.self, from: output)
        let targets = description.targets.filter { $0.type != "test" }
        #expect(Set(targets.map(\.name)) == Set(Self.allowed.keys))
        for target in targets {
            let dependencies = Set((target.targetDependencies ?? []) + (target.productDependencies ?? []))
            let surplus = dependencies.subtracting(Self.allowed[target.name] ?? [])
            #expect(surplus.isEmpty, "\(target.name) may not depend on \(surplus.sorted())")
        }
    }

    @Test func everyImportLineIsAllowed() throws {
        for (target, allowed) in Self.allowed {
            let folder = Self.root.appending(path: "Sources/\(target)")
            let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
            for case let file as URL in files ?? .init() where file.pathExtension == "swift" {
                let text = try String(contentsOf: file, encoding: .utf8)
                for line in text.split(separator: "\n") {
                    // Deeper indentation is Python inside a string.
                    guard let match = line.firstMatch(of: /^(?: {4})?(?:@\w+ )?(?:public |internal )?import (\w+)/)
                    else {
                        continue
                    }
                    let module = String(match.1)
                    let isSystem = Self.system.contains(module) && !(target == "LabCore" && module == "Foundation")
                    #expect(allowed.contains(module) || isSystem, "\(file.lastPathComponent) imports \(module)")
                }
            }
        }
    }

    @Test func onlyTheShimIncludesPython() throws {
        let files = FileManager.default.enumerator(
            at: Self.root.appending(path: "Sources"), includingPropertiesForKeys: nil)
        for case let file as URL in files ?? .init() where ["c", "h"].contains(file.pathExtension) {
            let text = try String(contentsOf: file, encoding: .utf8)
            guard text.contains("#include <Python.h>") else { continue }
            #expect(file.path.contains("/Sources/CPython/"), "\(file.lastPathComponent) includes Python.h")
        }
    }
}
