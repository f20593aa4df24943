import Foundation
import LabCore
import Testing

@testable import Judge

private func row(
    _ question: Int, _ turn: Int, _ score: Double?, model: String = "m", judge: String = "gpt-4", prompt: String? = nil
) -> JudgmentRow {
    JudgmentRow(
        question: .number(question), model: model, judge: [judge, "single-v1"],
        userPrompt: prompt ?? "\(model) \(question) \(turn)", judgment: "", score: score, turn: turn, time: 0)
}

/// Scores, their errors, differences and what can be resolved.
@Suite struct JudgeStatisticsTests {
    @Test func twoTurnsOfAQuestionAreOneObservation() throws {
        // By hand: question means 9, 5, 1; mean 5, standard deviation 4, error 4 / sqrt 3.
        let values = [(1, 10.0), (1, 8.0), (2, 6.0), (2, 4.0), (3, 1.0), (3, 1.0)].map { (cluster: $0.0, value: $0.1) }
        let mean = try #require(clusteredMean(values))
        #expect(mean.mean == 5)
        #expect(abs(try #require(mean.standardError) - 4 / 3.0.squareRoot()) < 1e-12)
        #expect(mean.count == 3)
        #expect(mean.degreesOfFreedom == 2)
        #expect(clusteredMean([(cluster: Int, value: Double)]()) == nil)
        #expect(clusteredMean([(cluster: 1, value: 3.0)])?.standardError == nil)
    }

    @Test func unequalQuestionsAreWeightedAsTheirRows() throws {
        // sums 10, 4 over counts 2, 1; mean 14/3; residuals 10 - 28/3 = 2/3 and 4 - 14/3 = -2/3.
        let values = [(1, 5.0), (1, 5.0), (2, 4.0)].map { (cluster: $0.0, value: $0.1) }
        let mean = try #require(clusteredMean(values))
        #expect(abs(mean.mean - 14.0 / 3) < 1e-12)
        let error = (16.0 / 81).squareRoot()
        #expect(abs(try #require(mean.standardError) - error) < 1e-12)
    }

    @Test(.enabled(if: RealData.isThere, RealData.absence))
    func realJudgmentsGiveFastChatsScoresAndTheBootstrapsErrors() throws {
        struct File: Decodable {
            struct Model: Decodable {
                let se: Double
                enum CodingKeys: String, CodingKey { case se = "se_bootstrap_over_questions" }
            }
            let models: [String: Model]
        }
        let statistics = try JSONDecoder().decode(
            File.self, from: Data(contentsOf: RealData.folder.appending(path: "mt_bench/statistics.json"))
        ).models
        let categories = try RealData.categories()
        let rows = rowsByModel(RealData.rows)
        var errorsCompared = 0
        for (model, expected) in try RealData.scores() {
            let score = JudgeScore(of: try #require(rows[model]), categories: categories)
            #expect(abs(try #require(score.score) - expected.average) < 1e-9)
            #expect(abs(try #require(score.turn1) - expected.turn1) < 1e-9)
            #expect(abs(try #require(score.turn2) - expected.turn2) < 1e-9)
            #expect(score.unparsed == expected.minusOne)
            #expect(score.ratings + score.unparsed == expected.rows)
            #expect(Set(score.categories.keys) == Set(expected.categories.keys))
            for (category, value) in expected.categories {
                #expect(abs((score.categories[category] ?? 0) - value) < 1e-9, "\(model) \(category)")
            }
            if let key = statistics.keys.first(where: { $0.hasPrefix(model + " @") }), let published = statistics[key] {
                let error = try #require(score.standardError)
                #expect(abs(error / published.se - 1) < 0.06, "\(model): \(error), bootstrap \(published.se)")
                errorsCompared += 1
            }
        }
        #expect(errorsCompared >= 5)
    }

    @Test func aDifferenceIsPairedByQuestionAndLeavesOutWhatOnlyOneHas() throws {
        let left = [row(1, 1, 9), row(1, 2, 7), row(2, 1, 4), row(2, 2, nil), row(3, 1, 5)]
        let right = [
            row(1, 1, 8, model: "n"), row(1, 2, 7, model: "n"), row(2, 1, 2, model: "n"), row(2, 2, 9, model: "n"),
            row(3, 1, 5, model: "n"), row(4, 1, 1, model: "n"),
        ]
        let comparison = try JudgeComparison(left, right)
        // Differences 1, 0 | 2 | 0: mean 3/4 over four rows of three questions.
        #expect(comparison.difference == 0.75)
        #expect(comparison.pairs == 4)
        #expect(comparison.unpaired == 2)
        #expect(comparison.questions == 3)
        // Residuals 1 - 1.5, 2 - 0.75, 0 - 0.75: squares 0.25 + 1.5625 + 0.5625 = 2.375; times 3/2 over 16.
        #expect(abs(comparison.standardError - (2.375 * 1.5 / 16).squareRoot()) < 1e-12)
        #expect(!comparison.significant)
        #expect(comparison.verdict.contains("No difference shown between m and n"))
        #expect(comparison.verdict.contains("not evidence of equality"))
        #expect(throws: JudgeError.self) { try JudgeComparison(left, [row(9, 1, 3, model: "n")]) }
    }

    @Test func aClearDifferenceIsCalledOneAndForeignJudgesAreTold() throws {
        let left = (1...30).map { row($0, 1, 8 + Double($0 % 2)) }
        let right = (1...30).map { row($0, 1, 5 + Double($0 % 3 == 0 ? 1 : 0), model: "n", judge: "other") }
        let comparison = try JudgeComparison(left, right)
        #expect(comparison.significant)
        #expect(comparison.pValue < 1e-9)
        #expect(comparison.verdict.hasPrefix("m scores"))
        #expect(comparison.verdict.contains("different judges"))
    }

    @Test(.enabled(if: RealData.isThere, RealData.absence))
    func realPairsHaveThePublishedDifferenceErrorAndSignificance() throws {
        struct File: Decodable {
            struct Pair: Decodable {
                let a: String
                let b: String
                let diff: Double
                let se: Double
                let significant: Bool
                enum CodingKeys: String, CodingKey {
                    case a, b, significant
                    case diff = "diff_a_minus_b"
                    case se = "paired_se"
                }
            }
            struct Pairs: Decodable { let examples: [Pair] }
            let pairs: Pairs
            enum CodingKeys: String, CodingKey { case pairs = "within_repo_pairs" }
        }
        let pairs = try JSONDecoder().decode(
            File.self, from: Data(contentsOf: RealData.folder.appending(path: "mt_bench/statistics.json"))
        ).pairs.examples
        let rows = rowsByModel(RealData.rows)
        for pair in pairs {
            let comparison = try JudgeComparison(try #require(rows[pair.a]), try #require(rows[pair.b]))
            #expect(abs(comparison.difference - pair.diff) < 1e-9)
            #expect(abs(comparison.standardError / pair.se - 1) < 0.06, "\(comparison.standardError) \(pair.se)")
            #expect(comparison.significant == pair.significant)
        }
        #expect(pairs.count == 7)
    }

    @Test func theDocumentedDefaultsAreTheMeasuredFigures() {
        #expect(abs(JudgeResolution.mtBench.scoreStandardError - 0.33) < 0.005)
        #expect(abs(JudgeResolution.mtBench.differenceStandardError() - 0.2235) < 0.0005)
        #expect(abs(resolvableGap() - 0.44) < 0.005)
        #expect(abs(resolvableGap(power: 0.8) - 0.626) < 0.005)
        // Published for this family of models: 3138 questions for a gap of 0.1, 126 for 0.5.
        let needed = JudgeResolution.mtBench.questionsNeeded(toResolve: 0.1) ?? 0
        #expect(abs(Double(needed) / 3138 - 1) < 0.02, "\(needed)")
        #expect(abs(Double(JudgeResolution.mtBench.questionsNeeded(toResolve: 0.5) ?? 0) / 126 - 1) < 0.03)
        #expect(JudgeResolution.mtBench.questionsNeeded(toResolve: 0) == nil)
    }

    @Test func theGapShrinksWithQuestionsAndWithTheShareThatSeedsDraw() {
        #expect(abs(resolvableGap(questions: 320) - resolvableGap() / 2) < 1e-12)
        let resolution = JudgeResolution.mtBench
        #expect(resolution.gap(seeds: 4, redrawn: 0) == resolution.gap())
        #expect(abs(resolution.gap(seeds: 4, redrawn: 1) - resolution.gap() / 2) < 1e-12)
        #expect(resolution.gap(seeds: 4) < resolution.gap(seeds: 2))
    }

    @Test func aGapTooSmallToSeeIsWarnedOfInNumbers() throws {
        let warning = try #require(JudgeResolution.mtBench.warning(forGap: 0.05))
        for words in ["0.05", "0.33", "0.44", "0.63", "80 questions"] { #expect(warning.contains(words), "\(warning)") }
        #expect(JudgeResolution.mtBench.warning(forGap: 0.5) == nil)
    }

    @Test func aSimulatedGapOfThatSizeIsFoundAsOftenAsPromised() throws {
        var generator = SeededGenerator(seed: 3, stream: 4)
        let resolution = JudgeResolution(questions: 80, sd: 2.98, correlation: 0.775)
        func found(_ gap: Double) throws -> Double {
            var hits = 0
            for _ in 0..<400 {
                var (left, right) = ([JudgmentRow](), [JudgmentRow]())
                for question in 1...80 {
                    let shared = generator.normal() * 2.98 * 0.775.squareRoot()
                    let own = (
                        generator.normal() * 2.98 * 0.225.squareRoot(), generator.normal() * 2.98 * 0.225.squareRoot()
                    )
                    left.append(row(question, 1, 6 + shared + own.0 + gap))
                    right.append(row(question, 1, 6 + shared + own.1, model: "n"))
                }
                if try JudgeComparison(left, right).significant { hits += 1 }
            }
            return Double(hits) / 400
        }
        #expect(abs(try found(resolution.gap(power: 0.8)) - 0.8) < 0.06)
        #expect(try found(0) < 0.085)
        #expect(abs(try found(resolution.gap()) - 0.5) < 0.075)
    }

    @Test func rejudgingNoiseIsTheSpreadWithinRequests() throws {
        // Two requests rated 4, 6 and 9, 9: pooled variance (2 + 0) / 2 = 1.
        let files = [
            [row(1, 1, 4, prompt: "p"), row(2, 1, 9, prompt: "q"), row(3, 1, 2, prompt: "once")],
            [row(1, 1, 6, prompt: "p"), row(2, 1, 9, prompt: "q"), row(4, 1, nil, prompt: "once")],
        ]
        let repeats = repeatedRatings(in: files)
        #expect(repeats.map { $0.sorted() }.sorted { $0[0] < $1[0] } == [[4, 6], [9, 9]])
        let calibration = try JudgeCalibration(of: files[0], repeats: repeats)
        let noise = try #require(calibration.rejudging)
        #expect(noise.sdOfOneRating == 1)
        #expect(noise.identical == 0.5)
        #expect(noise.withinOne == 0.5)
        #expect(abs(noise.standardErrorOfScore - 1 / 3.0.squareRoot()) < 1e-12)
        #expect(!calibration.pairedErrorMeasured)
    }

    @Test(.enabled(if: RealData.isThere, RealData.absence))
    func realJudgmentsCalibrateToTheDocumentedFigures() throws {
        let calibration = try JudgeCalibration(of: RealData.rows, repeats: repeatedRatings(in: [RealData.rows]))
        #expect(calibration.models == 17)
        #expect(calibration.pairs == 136)
        #expect(abs(calibration.scoreStandardError - 0.333) < 0.02, "\(calibration.scoreStandardError)")
        #expect(abs(try #require(calibration.correlationOfTurns) - 0.525) < 0.06)
        #expect(abs(try #require(calibration.differenceStandardError) - 0.274) < 0.03)
        #expect((0.45...0.65).contains(calibration.resolvableGap), "\(calibration.resolvableGap)")
        let noise = try #require(calibration.rejudging)
        #expect(noise.requests > 15)
        #expect((0.2...1).contains(noise.sdOfOneRating), "\(noise)")
    }
}
