import Foundation
import Judge
import LabCore
import Testing

@Suite struct GradingCodeTests {
    /// SHA-256 over this module's sources, as of the version that `GradingCode` states.
    private static let pinned = (
        version: 2, sources: "0296f3a467510b1cb2c81843784d3b4b25f027e98d57c0ea2ac6927494f882d5"
    )

    /// Kept scores are told apart by `GradingCode.version` alone, so no change of this module may pass it by unnoticed.
    @Test func theVersionIsThatOfTheseSources() throws {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = repository.appending(path: "Sources/Judge").path
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
        let lines = try names.sorted().map {
            "\($0) \(ContentHash.sha256(try Data(contentsOf: URL(filePath: "\(folder)/\($0)"))))\n"
        }
        let found = ContentHash.sha256(lines.joined())
        #expect(
            found == Self.pinned.sources && GradingCode.version == Self.pinned.version,
            """
            Sources/Judge has changed. Where an answer may now be graded otherwise, raise GradingCode.version, so that kept \
            scores are not reused. Then put the version and \(found) above.
            """)
    }
}
