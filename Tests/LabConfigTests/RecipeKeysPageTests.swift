import Foundation
import Testing

@testable import LabConfig

/// The page of recipe keys and the reader know the same keys.
@Suite struct RecipeKeysPageTests {
    @Test func thePageHasEveryKeyThatTheReaderAsksForAndNoOther() throws {
        let problems = Problems(file: "all shapes")
        let shapes = [
            "name: a\ntuning: {grid: {learningRates: [1e-3], betas: [0.1]}}\nproposer: {strategy: program, model: m}\n",
            "name: b\npolicy: {model: m}\ndata: {dataset: d}\nevaluation: {suite: s}\ntraining: {}\n",
        ]
        for shape in shapes { _ = campaign(from: Section(try composeYAML(shape, file: "shape"), problems: problems)) }
        let page = try String(contentsOf: Self.page, encoding: .utf8)
        let written = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map {
            String($0.dropFirst(3).prefix { $0 != "`" })
        }
        #expect(Set(written).count == written.count, "a key has two lines")
        #expect(problems.asked.subtracting(written) == [], "keys that the page lacks")
        #expect(Set(written).subtracting(problems.asked) == [], "keys of the page that the reader does not know")
    }

    private static let page = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/LabCore/LabCore.docc/RecipeKeys.md")
}
