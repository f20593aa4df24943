import LabCore
import LabTesting
import Testing

@testable import CampaignRunner

@Suite struct TrialPipelineTests {
    let spec = TrialSpec(
        world: "base", fidelity: .proxy, setting: Setting(learningRate: 1e-3, beta: 0.05), seed: 1)

    @Test func scoresAreTheJudgesInTheOrderOfTheAnswers() async throws {
        let pipeline = TrialPipeline(trainer: FakeTrainer(noise: .none, questions: 3), judge: FakeJudge())
        let outcome = try await pipeline.run(FakeLoss(name: "a", value: 6.25).source(), spec)
        guard case .scored(let result) = outcome else { throw FakeFailure(description: "\(outcome)") }
        #expect(result.questionScores == [6.25, 6.25, 6.25])
        #expect(result.greedyScores == [6.25, 6.25, 6.25])
        #expect(result.kl == 0.5)
        #expect(result.seconds == 0.5)
    }

    @Test func dialoguesOfFullTrialsAreKeptWithTheirGrades() async throws {
        actor Shelf: TrialEvidence {
            var kept: [GradedAnswer] = []
            func keep(_ dialogues: [GradedAnswer], of loss: String, _ spec: TrialSpec) { kept += dialogues }
        }
        let shelf = Shelf()
        let pipeline = TrialPipeline(trainer: FakeTrainer(noise: .none, questions: 3), judge: FakeJudge())
            .keeping(shelf)
        let loss = FakeLoss(name: "a", value: 6.25).source()
        _ = try await pipeline.run(loss, spec)
        #expect(await shelf.kept.isEmpty)
        let full = TrialSpec(world: "base", fidelity: .full, setting: spec.setting, seed: 1)
        _ = try await pipeline.run(loss, full)
        let kept = await shelf.kept
        #expect(kept.filter { $0.decoding == "sampled" }.map(\.questionID) == [1, 2, 3])
        #expect(kept.filter { $0.decoding == "greedy" }.count == 3)
        #expect(kept.allSatisfy { $0.scores == Array(repeating: 6.25, count: $0.turns.count) && !$0.turns.isEmpty })
    }

    @Test func aSmokeTrialThatIsNotGradedCostsNoJudgeAndIsNotTakenForAGradedOne() async throws {
        struct NoJudge: AnswerJudge {
            func judge(_ answers: [Answer], of world: String, questions: QuestionSet) async throws -> [Judgment] {
                throw FakeFailure(description: "asked")
            }
        }
        let loss = FakeLoss(name: "a", value: 6.25).source()
        let smoke = TrialSpec(world: "base", fidelity: .smoke, setting: spec.setting, seed: 1)
        let pipeline = TrialPipeline(trainer: FakeTrainer(), judge: NoJudge(), gradesSmoke: false)
        guard case .scored(let result) = try await pipeline.run(loss, smoke) else {
            throw FakeFailure(description: "rejected")
        }
        #expect(result.questionScores.isEmpty && result.greedyScores.isEmpty)
        await #expect(throws: FakeFailure.self) { try await pipeline.run(loss, spec) }

        let graded = ExperimentIdentity()
        let ungraded = ExperimentIdentity(gradesSmoke: false)
        #expect(graded.key(of: loss, smoke) == graded.key(of: loss, spec))
        #expect(ungraded.key(of: loss, smoke) != ungraded.key(of: loss, spec))
        #expect(ungraded.key(of: loss, spec) == graded.key(of: loss, spec))
    }

    @Test func aRejectionInTrainingIsAResult() async throws {
        let pipeline = TrialPipeline(trainer: FakeTrainer(), judge: FakeJudge())
        let outcome = try await pipeline.run(FakeLoss(name: "a", value: 6, behaviour: .diverges).source(), spec)
        #expect(outcome == .rejected(Rejection(code: "nonfinite", message: "loss is NaN at step 3")))
    }

    /// Rates by the question's number, but for some questions.
    private struct RefusingJudge: AnswerJudge {
        let refused: Set<Int>

        func judge(_ answers: [Answer], of world: String, questions: QuestionSet) async throws -> [Judgment] {
            answers.map {
                Judgment(
                    questionID: $0.questionID, turn: 0, sample: 0,
                    score: refused.contains($0.questionID) ? nil : Double($0.questionID % 10), explanation: "no")
            }
        }
    }

    @Test func aFewQuestionsWithoutRatingLeaveTheMeanOfTheOthers() async throws {
        let trainer = FakeTrainer(noise: .none, questions: 20)
        let loss = FakeLoss(name: "a", value: 6).source()
        let pipeline = TrialPipeline(trainer: trainer, judge: RefusingJudge(refused: [3, 14]))
        guard case .scored(let result) = try await pipeline.run(loss, spec) else {
            throw FakeFailure(description: "rejected")
        }
        let others = (1...20).filter { $0 != 3 && $0 != 14 }.map { Double($0 % 10) }
        let mean = others.reduce(0, +) / 18
        #expect(result.questionScores.count == 20 && result.questionScores[2] == mean)
        #expect(abs(result.score - mean) < 1e-12 && result.metrics["judge/unratedQuestions"] == 4)

        let tooMany = TrialPipeline(trainer: trainer, judge: RefusingJudge(refused: [3, 14, 15]))
        let error = await #expect(throws: TrialError.self) { try await tooMany.run(loss, spec) }
        #expect(error?.description.contains("3 of 20 questions") == true)
    }

    @Test func aQuestionWithoutRatingIsOurFaultAndNamed() async throws {
        struct SilentJudge: AnswerJudge {
            func judge(_ answers: [Answer], of world: String, questions: QuestionSet) async throws -> [Judgment] {
                answers.filter { $0.questionID != 2 }.map {
                    Judgment(questionID: $0.questionID, turn: 0, sample: 0, score: 5, explanation: "")
                }
            }
        }
        let pipeline = TrialPipeline(trainer: FakeTrainer(), judge: SilentJudge())
        let error = await #expect(throws: TrialError.self) {
            try await pipeline.run(FakeLoss(name: "a", value: 6).source(), spec)
        }
        #expect(error?.description.contains("question 2 of base") == true)
    }
}
