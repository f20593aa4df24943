import Foundation
import Judge
public import LabCore

/// What trials in a world of the embedded benchmark train on and ask: the files' own bytes, and the world's settings.
///
/// - Throws: `FileHashError`.
public func groundIdentity(of world: WorldDescription, _ hashes: FileHashes) throws -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    var found = [
        "policy": try hashes.identity(of: world.policy),
        "training": String(decoding: try encoder.encode(world.training), as: UTF8.self),
        "sampling": String(decoding: try encoder.encode(world.sampling), as: UTF8.self),
    ]
    for (set, path) in world.questions { found["questions \(set.rawValue)"] = try hashes.hash(ofFile: path) }
    for (pool, path) in world.pairs { found["pairs \(pool.rawValue)"] = try hashes.hash(ofFile: path) }
    return found
}

/// A rubric as judge.
///
/// - Throws: `FileHashError`.
public func judgeIdentity(rubric path: String, _ hashes: FileHashes) throws -> [String: String] {
    judgeIdentity(kind: "rubric", ["rubric": try hashes.hash(ofFile: path)])
}

/// A judge of any kind: what it is asked with, and the version of the code that asks and reads it.
public func judgeIdentity(kind: String, _ settings: [String: String]) -> [String: String] {
    settings.merging(["kind": kind, "grading code": "\(GradingCode.version)"]) { $1 }
}
