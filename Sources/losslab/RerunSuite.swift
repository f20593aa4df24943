import ArgumentParser
import ChatClient
import Foundation
import Judge
import LabCore
import Trainer

/// Questions' scores by loss and training.
typealias RerunJudgments = [String: [TrialSpec: [Double?]]]

/// Who grades the answers of trained policies.
enum RerunJudge {
    /// A model behind a chat server, under MT-Bench's prompts, from 1 to 10.
    case chat(MTBenchSuite, MTBenchJudge)
    /// A reward model or a classifier in a worker: rewards, or probabilities.
    case model(PoolRewarder)

    /// Reads `reward-model:FOLDER`, `classifier:FOLDER:LABEL`, or a chat model's name, which needs a suite.
    ///
    /// - Parameters:
    ///   - suite: the suite's folder.
    ///   - policy: who answers.
    ///   - cache: replies to requests that were sent before.
    init(
        _ options: RerunQuestionOptions, suite: String?, pool: WorkerPool, policy: FinetuneModel, cache: String
    ) throws {
        let name = options.judge ?? ""
        if let form = RerunQuestionOptions.scoringModel(name) {
            self = .model(
                PoolRewarder(pool: pool, model: absoluteIfPresent(form.path), label: form.label, policy: policy))
            return
        }
        let suite = try MTBenchSuite(folder: suite ?? "")
        let client = try ChatClient(
            endpoint: ChatEndpoint(
                baseURL: options.baseURL, keyEnvironment: options.keyEnv, timeouts: options.wait.timeouts.over()),
            cache: ResponseCache(cache), notes: { log("losslab: \($0)") })
        self = .chat(suite, MTBenchJudge(suite: suite, service: client, settings: JudgeSettings(model: name)))
    }

    /// A question's mean score by loss and training, in the order of the answers; `nil` without a score.
    ///
    /// A model here grades every training, which costs nothing; a chat model those of each loss's best setting alone.
    func scores(
        of contenders: [RerunContender], _ tuning: RerunTuning, questions: [String]
    ) async throws -> RerunJudgments {
        var scores: RerunJudgments = [:]
        for contender in contenders {
            let best = tuning.best(of: contender)?.setting
            for (spec, report) in contender.reports where gradesAll || spec.setting == best {
                scores[contender.loss.name, default: [:]][spec] = try await grade(
                    report.answers["sampled"] ?? [], to: questions)
            }
        }
        return scores
    }

    private var gradesAll: Bool {
        if case .model = self { true } else { false }
    }

    /// What a score is, in a few words.
    var scale: String {
        switch self {
        case .chat: "mean judge score, 1 to 10"
        case .model(let rewarder): rewarder.label.map { "mean probability of \($0)" } ?? "mean reward"
        }
    }

    private func grade(_ answers: [Answer], to questions: [String]) async throws -> [Double?] {
        switch self {
        case .chat(let suite, let judge):
            let known = Set(
                suite.questions.compactMap { question -> Int? in
                    if case .number(let number) = question.id { number } else { nil }
                })
            let own = answers.filter { known.contains($0.questionID) }
            let judgments = try await judge.judge(own, of: suite.name, questions: .heldOut)
            return questionScores(of: judgments, questionIDs: own.map(\.questionID))
        case .model(let rewarder):
            switch try await rewarder.score(answers, to: questions) {
            case .scored(let scores): return scores
            case .unusable(let problem):
                log("losslab: the judge cannot be used: \(problem)")
                throw ExitCode.badInput
            }
        }
    }
}
