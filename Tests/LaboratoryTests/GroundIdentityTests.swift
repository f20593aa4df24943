import Foundation
import LabConfig
import LabCore
import Laboratory
import Testing

/// The embedded worlds, and copies of one that somebody edits.
@Suite struct GroundIdentityTests {
    private static let microbench = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "evaluation/microbench")
    private let hashes = FileHashes()

    private func copy(_ worlds: String...) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "losslab-worlds-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for world in worlds {
            try FileManager.default.copyItem(
                at: Self.microbench.appending(path: world), to: folder.appending(path: world))
        }
        return folder
    }

    private func verify(_ name: String, in folder: URL) throws {
        let catalogue = try WorldCatalogue.load(folder.path)
        try catalogue.verifyFiles(of: try catalogue.world(named: name)) { try hashes.hash(ofFile: $0) }
    }

    @Test func everyEmbeddedWorldIsWhatItWasBuiltAs() throws {
        for world in try WorldCatalogue.load(Self.microbench.path).worlds {
            try verify(world.name, in: Self.microbench)
        }
    }

    @Test(arguments: [
        "base/rubric.jsonl", "base/question.jsonl", "base/held_out.jsonl", "base/policy/tokenizer.json",
        "length-biased/pairs/search.jsonl.gz",
    ])
    func aChangedFileChangesTheIdentityAndIsRefusedByName(file: String) throws {
        let folder = try copy("base", "length-biased")
        defer { try? FileManager.default.removeItem(at: folder) }
        func identity() throws -> [String: String] {
            let world = try WorldCatalogue.load(folder.path).world(named: "length-biased")
            return try groundIdentity(of: world, hashes).merging(try judgeIdentity(rubric: world.rubric, hashes)) { $1 }
        }
        let before = try identity()
        #expect(try identity() == before)
        let handle = try FileHandle(forWritingTo: folder.appending(path: file))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("\n".utf8))
        try handle.close()
        #expect(try identity() != before)
        let refused = #expect(throws: ConfigError.self) { try verify("length-biased", in: folder) }
        #expect(refused?.problems.count == 1)
        #expect(refused?.description.contains("\(file): has changed since the world was built") == true)
        #expect(refused?.description.contains("\"own\": true") == true)
    }

    @Test func aFileThatIsAddedToThePolicyIsRefused() throws {
        let folder = try copy("base")
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("{}".utf8).write(to: folder.appending(path: "base/policy/generation_config.json"))
        let refused = #expect(throws: ConfigError.self) { try verify("base", in: folder) }
        #expect(refused?.description.contains("generation_config.json: stands in no world.json") == true)
    }

    @Test func aWorldOfOnesOwnIsTakenAsItIs() throws {
        let folder = try copy("base")
        defer { try? FileManager.default.removeItem(at: folder) }
        let description = folder.appending(path: "base/world.json")
        let text = try String(contentsOf: description, encoding: .utf8)
        try text.replacingOccurrences(of: "\"name\": \"base\",", with: "\"name\": \"base\", \"own\": true,")
            .write(to: description, atomically: true, encoding: .utf8)
        try Data("{}".utf8).write(to: folder.appending(path: "base/policy/generation_config.json"))
        try verify("base", in: folder)
    }
}
