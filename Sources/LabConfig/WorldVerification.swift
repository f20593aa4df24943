import Foundation
public import LabCore

extension WorldCatalogue {
    /// Compares every file that a world's scores depend on with the hash in its `world.json`, or in that of the world
    /// whose policy and questions it shares. A world that says `"own": true` is taken as it is.
    ///
    /// - Parameter hash: SHA-256 of a file, in hexadecimal.
    /// - Throws: One problem for each file that is missing, unlisted or has other content.
    public func verifyFiles(
        of world: WorldDescription, hash: (_ path: String) throws -> String
    ) throws(ConfigError) {
        guard !world.isOwn else { return }
        var problems: [ConfigError.Problem] = []
        for path in Self.files(of: world) {
            guard let found = try? hash(path) else {
                problems.append(.init(.unreadable, file: path, "is missing; restore it or build the world again"))
                continue
            }
            guard let expected = expectedHash(of: path, in: world) else {
                problems.append(
                    .init(
                        .conflict, file: path,
                        "stands in no world.json, so nothing tells whether it has changed; build the world again, or "
                            + Self.ownWorld(world)))
                continue
            }
            if found != expected.lowercased() {
                let message =
                    "has changed since the world was built (SHA-256 \(found.prefix(12))..., not "
                    + "\(expected.prefix(12))...), so scores would not compare; restore it, build the world again, or "
                    + Self.ownWorld(world)
                problems.append(.init(.conflict, file: path, message))
            }
        }
        guard problems.isEmpty else { throw ConfigError(problems) }
    }

    private static func ownWorld(_ world: WorldDescription) -> String {
        "say `\"own\": true` in the world.json of \(world.name) if the change is yours"
    }

    /// All that training, answers and grades are made of, as absolute paths.
    static func files(of world: WorldDescription) -> [String] {
        let inPolicy = (try? FileManager.default.subpathsOfDirectory(atPath: world.policy)) ?? []
        let single = Array(world.questions.values) + Array(world.pairs.values) + [world.rubric]
        return (inPolicy.map { "\(world.policy)/\($0)" } + single).sorted()
    }

    private func expectedHash(of path: String, in world: WorldDescription) -> String? {
        let root = URL(filePath: folder).standardizedFileURL.path
        for described in [world] + worlds where path.hasPrefix("\(root)/\(described.name)/") {
            return described.files[String(path.dropFirst("\(root)/\(described.name)/".count))]
        }
        return nil
    }
}
