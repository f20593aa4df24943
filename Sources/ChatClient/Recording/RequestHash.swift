import Foundation
import LabCore

/// Names a request by its whole content.
enum RequestHash {
    /// SHA-256 of the request and of what else decides its answer.
    static func of(_ request: ChatRequest, _ more: String...) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var hasher = SHA256()
        for part in more {
            hasher.update(part.utf8)
            hasher.update([0])
        }
        hasher.update(try encoder.encode(request))
        return hasher.finish()
    }
}
