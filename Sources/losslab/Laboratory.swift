import Archive
import CampaignRunner
import Evolution
import Foundation
import Judge
import LabConfig
import LabCore
import Trainer

/// The concrete stages, wired: workers, screener, trainer, judge, and the cache of finished trials.
struct Laboratory {
    let project: Project
    let worlds: [WorldDescription]
    let pool: WorkerPool
    let screener: PoolScreener
    private(set) var trials: TrialPipeline
    private(set) var keys: TrialKeys
    private let environment: @Sendable (_ world: String) -> String
    let cache: any StepStore

    /// - Parameter names: the worlds that will be used; their rubrics are read at once.
    init(project: Project, worlds names: [String], workers: Int, allowUnsandboxed: Bool) throws {
        self.project = project
        let catalogue = try WorldCatalogue.load(project.worlds)
        worlds = try names.map { try catalogue.world(named: $0) }
        let configuration = project.workerConfiguration(allowUnsandboxed: allowUnsandboxed)
        pool = WorkerPool(size: workers, configuration: configuration)
        let controls = try LossCatalogue.load(project.losses).losses.filter(\.isControl).map(\.text)
        screener = PoolScreener(pool: pool, controls: Set(controls))
        let judge = try RubricJudge(files: Dictionary(uniqueKeysWithValues: worlds.map { ($0.name, $0.rubric) }))
        trials = TrialPipeline(trainer: PoolTrainer(pool: pool, worlds: worlds), judge: judge)
        cache = try FileStepStore(project.cache + "/trials", shared: true)
        let code = try Self.codeHash(of: configuration.pythonPath + "/losslab_trainer")
        let files = Dictionary(uniqueKeysWithValues: worlds.map { ($0.name, Self.filesHash(of: $0)) })
        environment = { world in "\(code) \(files[world] ?? "")" }
        keys = TrialKeys(hash: { ContentHash.sha256($0) }, environment: environment)
    }

    /// The same with another judge in place of the worlds' rubrics.
    ///
    /// - Parameter identity: tells the judge from every other: trials that it graded are kept apart by it.
    func judged(by judge: any AnswerJudge, identity: String) -> Laboratory {
        var laboratory = self
        laboratory.trials = TrialPipeline(trainer: PoolTrainer(pool: pool, worlds: worlds), judge: judge)
        let environment = environment
        laboratory.keys = TrialKeys(hash: { ContentHash.sha256($0) }) { "\(environment($0)) \(identity)" }
        return laboratory
    }

    func world(_ name: String) throws -> WorldDescription {
        guard let world = worlds.first(where: { $0.name == name }) else { throw TrainerError.unknownWorld(name) }
        return world
    }

    /// Parts of the Python package that no trial of a world runs through.
    private static let otherParts = [
        "screening/", "plotting/", "bench/", "data/", "export/", "estimate/", "finetune/", "inspect_job.py",
        "finetune_job.py",
        "reward_job.py",
    ]

    /// Hash of the code that trains in a world: results of another version are not reused.
    private static func codeHash(of folder: String) throws -> String {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
        let relevant = names.filter {
            $0.hasSuffix(".py") && !Self.otherParts.contains(where: $0.hasPrefix)
        }
        var hash = SHA256()
        for name in relevant {
            hash.update(name.utf8)
            hash.update(FileManager.default.contents(atPath: folder + "/" + name) ?? Data())
        }
        return hash.finish()
    }

    private static func filesHash(of world: WorldDescription) -> String {
        ContentHash.sha256(
            world.files.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "\n"))
    }
}
