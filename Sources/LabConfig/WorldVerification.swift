import Foundation
public import LabCore

extension WorldCatalogue {
    /// Compares every file that a world's scores depend on with the hash in its `world.json`.
    ///
    /// - Throws: One problem for each file that is missing or has other content.
    public func verifyFiles(of world: WorldDescription) throws(ConfigError) {
        var problems: [ConfigError.Problem] = []
        for (file, expected) in world.files.sorted(by: { $0.key < $1.key }) {
            let path = "\(folder)/\(world.name)/\(file)"
            guard let data = FileManager.default.contents(atPath: path) else {
                problems.append(.init(.unreadable, file: path, "is missing; restore it or build the world again"))
                continue
            }
            let found = ContentHash.sha256(data)
            if found != expected.lowercased() {
                let message =
                    "has changed since the world was built (SHA-256 \(found.prefix(12))..., not "
                    + "\(expected.prefix(12))...), so scores would not compare; restore it or build the world again"
                problems.append(.init(.conflict, file: path, message))
            }
        }
        guard problems.isEmpty else { throw ConfigError(problems) }
    }
}
