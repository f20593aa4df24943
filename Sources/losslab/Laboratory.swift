import Archive
import ArgumentParser
import CampaignRunner
import Evolution
import Foundation
import Judge
import LabConfig
import LabCore
import Laboratory
import Trainer

/// The concrete stages, wired: workers, screener, trainer, judge, and the cache of finished trials.
struct Laboratory {
    let project: Project
    /// Of the embedded benchmark; empty where a model of one's own is trained.
    let worlds: [WorldDescription]
    let pool: WorkerPool
    let screener: PoolScreener
    /// Question files by the name of the world, or of what takes its place.
    let questions: [String: [QuestionSet: String]]
    /// Hashes of what scores depend on, by the same name, for the manifest.
    let files: [String: [String: String]]
    let cache: any StepStore
    private(set) var judge: any AnswerJudge
    /// What every trial's stored result is named by. Smoke trials are graded only where that costs nothing.
    private(set) var identity: ExperimentIdentity
    private let trainer: any PolicyTrainer

    var trials: TrialPipeline { TrialPipeline(trainer: trainer, judge: judge, gradesSmoke: identity.gradesSmoke) }

    /// Trains in worlds of the embedded benchmark.
    ///
    /// - Parameter names: the worlds that will be used; their files are read at once.
    /// - Throws: `ConfigError` for a world whose files are not those that it was built with.
    init(project: Project, worlds names: [String], workers: Int, allowUnsandboxed: Bool) async throws {
        self.project = project
        let catalogue = try WorldCatalogue.load(project.worlds)
        worlds = try names.map { try catalogue.world(named: $0) }
        let hashes = project.fileHashes
        for world in worlds { try catalogue.verifyFiles(of: world) { try hashes.hash(ofFile: $0) } }
        let configuration = project.workerConfiguration(allowUnsandboxed: allowUnsandboxed)
        pool = WorkerPool(size: workers, configuration: configuration)
        screener = try Self.screener(pool, project)
        judge = try RubricJudge(files: Dictionary(uniqueKeysWithValues: worlds.map { ($0.name, $0.rubric) }))
        trainer = PoolTrainer(pool: pool, worlds: worlds)
        cache = try project.kept("trials")
        questions = Dictionary(uniqueKeysWithValues: worlds.map { ($0.name, $0.questions) })
        files = Dictionary(uniqueKeysWithValues: worlds.map { ($0.name, $0.files) })
        let engine = try await EngineIdentity.current(configuration)
        identity = ExperimentIdentity(
            engine: try engine.ingredients("train"),
            grounds: Dictionary(
                uniqueKeysWithValues: try worlds.map { ($0.name, try groundIdentity(of: $0, hashes)) }),
            judges: Dictionary(
                uniqueKeysWithValues: try worlds.map { ($0.name, try judgeIdentity(rubric: $0.rubric, hashes)) }),
            screening: try engine.ingredients("check"))
    }

    /// Trains a model of one's own on data of one's own.
    ///
    /// - Throws: `CampaignInputError` for what the recipe names and is not there.
    init(project: Project, policy: PolicyConfig, of config: CampaignConfig, allowUnsandboxed: Bool) async throws {
        self.project = project
        worlds = []
        let configuration = project.workerConfiguration(allowUnsandboxed: allowUnsandboxed, reachesHub: true)
        pool = WorkerPool(size: config.workers, configuration: configuration)
        screener = try Self.screener(pool, project)
        let asked = try CampaignQuestions(policy.evaluation, in: project)
        let ground = PolicyGround(policy, name: config.world, questions: asked, in: project)
        let finetuner = PoolFinetuner(pool: pool)
        trainer = FinetuneTrainer(finetuner: finetuner, ground: ground)
        cache = try project.kept("trials")
        questions = [config.world: asked.files]
        let (engine, hashes) = (try await EngineIdentity.current(configuration), project.fileHashes)
        let named = try NamedInputs(ground, engine: engine, hashes, by: finetuner)
        files = [config.world: named.files]
        let chosen = try CampaignJudge(config, asked, project: project, pool: pool, engine: engine, hashes)
        judge = chosen.judge
        identity = ExperimentIdentity(
            grounds: [config.world: named.identity], judges: [config.world: chosen.identity],
            screening: try engine.ingredients("check"), gradesSmoke: false)
    }

    private static func screener(_ pool: WorkerPool, _ project: Project) throws -> PoolScreener {
        let controls = try LossCatalogue.load(project.losses).losses.filter(\.isControl).map(\.text)
        return PoolScreener(pool: pool, controls: Set(controls))
    }

    /// The same with another judge.
    ///
    /// - Parameter identity: tells the judge from every other: trials that it graded are kept apart by it.
    func judged(by judge: any AnswerJudge, identity: [String: String]) -> Laboratory {
        var laboratory = self
        laboratory.judge = judge
        laboratory.identity = self.identity.graded(by: identity)
        return laboratory
    }

    /// Finds out whether a model and data of one's own can be used at all, and says what of the data is not.
    func tryOut() async throws {
        do {
            for note in try await (trainer as? FinetuneTrainer)?.tryOut() ?? [] { log("losslab: \(note)") }
        } catch TrainerError.unusable(let problem) {
            log("losslab: \(problem)")
            throw ExitCode.badInput
        }
    }

    /// What the policy answers greedily before any training.
    func untrainedAnswers(in world: String, to questions: QuestionSet) async throws -> [Answer] {
        let spec = TrialSpec(
            world: world, fidelity: .full, setting: Setting(learningRate: 1, beta: 1), seed: 1, questionSet: questions)
        guard case .trained(let report) = try await trainer.train(nil, as: spec), let said = report.answers["greedy"]
        else {
            throw JudgeError(.mismatch, "the untrained policy gave no greedy answers to the questions of \(world)")
        }
        return said
    }

    /// The untrained policy's scores, under the laboratory's judge.
    func untrained(in world: String, seeds: [Int]) async throws -> [UntrainedScore] {
        if let description = worlds.first(where: { $0.name == world }) {
            return try await UntrainedScore.measure(in: description, questions: .search, seeds: seeds, pool: pool)
        }
        return try await UntrainedScore.measure(
            by: trainer, judge, in: world, questions: .search, seeds: seeds,
            decodings: [("sampled", "sampled"), ("greedy", "greedy")])
    }

    func world(_ name: String) throws -> WorldDescription {
        guard let world = worlds.first(where: { $0.name == name }) else { throw TrainerError.unknownWorld(name) }
        return world
    }
}
