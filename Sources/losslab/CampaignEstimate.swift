import Archive
import Evolution
import LabConfig
import LabCore

/// How many trainings a campaign asks for, and how long they take: counted from the recipe, times measured seconds.
struct CampaignEstimate: Codable {
    /// One part of the campaign.
    struct Part: Codable {
        let part: String
        let world: String
        let trials: Int
        /// Seconds of one trial on one worker.
        let secondsEach: Double
        let basis: String
    }

    let campaign: String
    let workers: Int
    let parts: [Part]
    let trials: Int
    /// Wall-clock seconds with all workers busy; the search no longer than its limit.
    let seconds: Double
    /// A budget of time that ends the search earlier.
    let searchLimitSeconds: Double?
    /// Of the trainings, and of a language model that runs beside them.
    let memoryBytes: Int
    /// What the lab's own language model takes of this machine; `nil` for a campaign without one.
    let embedded: EmbeddedModelEstimate?
    let notes: [String]

    /// Resident size of a worker with its zygote and loss process, the policy of a world loaded.
    static let assumedWorkerBytes = 900 << 20

    /// - Parameters:
    ///   - workerBytes: memory of one worker; `nil` assumes that of a world's small policy.
    ///   - embedded: the language model that the lab serves itself.
    ///   - notes: sentences about how the figures are known.
    ///   - seconds: a trial's in that world, and how that is known.
    init(
        of config: CampaignConfig, catalogue: [LossSource], grid: SettingGrid, workerBytes: Int? = nil,
        embedded: EmbeddedModelEstimate? = nil, notes: [String] = [],
        seconds: (String, _ smoke: Bool) -> (each: Double, basis: String)
    ) {
        let tuning = config.tuning
        let settings = (tuning.grid ?? grid).settings.count
        let known = config.catalogue.isEmpty ? catalogue.count : config.catalogue.count
        let extraSeeds = tuning.fullSeeds.filter { !tuning.proxySeeds.contains($0) }.count
        let proxy = settings * tuning.proxySeeds.count
        let full = min(tuning.fullSettings, settings) * extraSeeds
        let candidates = config.budget.candidates
        let generations = (candidates + config.budget.generationSize - 1) / config.budget.generationSize
        let perGeneration = min(config.budget.generationSize, candidates)
        let promoted = min(
            candidates, generations * max(1, Int((tuning.promotedShare * Double(perGeneration)).rounded(.up))))
        // The best loss goes with two more settings, DPO with one and on top where it is not among the best.
        let confirmed = config.confirmation.finalists + config.confirmation.catalogueLosses + 1
        var parts: [Part] = []
        func add(_ part: String, _ world: String, _ trials: Int, smoke: Bool = false) {
            let time = seconds(world, smoke)
            parts.append(Part(part: part, world: world, trials: trials, secondsEach: time.each, basis: time.basis))
        }
        add("catalogue", config.world, known * (proxy + full))
        add("search, smoke", config.world, candidates, smoke: true)
        add("search, proxy", config.world, candidates * proxy)
        add("search, full", config.world, promoted * full)
        add("confirmation", config.world, (confirmed + 3) * config.confirmation.seeds.count)
        if let transfer = config.transferWorld, transfer != config.world {
            add("transfer", transfer, confirmed * config.confirmation.seeds.count)
        }
        campaign = config.name
        workers = config.workers
        self.parts = parts
        trials = parts.reduce(0) { $0 + $1.trials }
        func wallClock(_ parts: some Sequence<Part>) -> Double {
            parts.reduce(0) { $0 + Double($1.trials) * $1.secondsEach } / Double(config.workers)
        }
        let search = wallClock(parts.filter { $0.part.hasPrefix("search") })
        let limit = config.budget.seconds
        self.seconds = wallClock(parts.filter { !$0.part.hasPrefix("search") }) + min(search, limit ?? search)
        searchLimitSeconds = limit
        self.embedded = embedded
        memoryBytes = config.workers * (workerBytes ?? Self.assumedWorkerBytes) + (embedded?.memoryBytes ?? 0)
        let memoryNote =
            workerBytes == nil
            ? "memory assumed: \(Self.assumedWorkerBytes >> 20) MiB a worker; time with a core for each worker"
            : "memory counted for each worker: model, gradients, optimizer, activations; time with a device for each"
        self.notes =
            ["upper bound: empty cache, nothing rejected", memoryNote]
            + notes
            + (embedded?.notes ?? [])
            + (config.proposer.model == nil || embedded != nil
                ? [] : ["the proposing model's answers are not counted; its own budget limits their price"])
    }

    var text: String {
        var table = TextTable(["part", "world", "trials", "seconds each", "worker minutes", "how known"])
        for part in parts {
            table.add([
                part.part, part.world, "\(part.trials)", decimal(part.secondsEach, 2),
                decimal(Double(part.trials) * part.secondsEach / 60, 1), part.basis,
            ])
        }
        let limit = searchLimitSeconds.map { ", the search at most \(decimal($0 / 60, 0)) minutes" } ?? ""
        let head =
            "\(campaign): \(trials) trials, \(decimal(seconds / 60, 1)) minutes on \(workers) workers\(limit), "
            + "\(memoryBytes >> 20) MiB"
        return ([head, "", table.text, ""] + notes).joined(separator: "\n")
    }
}

/// Mean seconds of the finished trials of each world in the archive.
struct MeasuredTrials {
    private var times: [String: [Double]] = [:]

    init(in archive: SQLiteArchive) async throws {
        for row in try await archive.losses() where row.trials > 0 {
            for trial in try await archive.trials(of: row.id, in: row.campaign) {
                guard case .scored(let result) = trial.outcome else { continue }
                times[Self.key(trial.spec), default: []].append(result.seconds)
            }
        }
    }

    init() {}

    mutating func add(_ result: TrialResult) { times[Self.key(result.spec), default: []].append(result.seconds) }

    /// The mean, and of how many; `nil` where no such trial was measured.
    func seconds(_ world: String, pairs: Int, epochs: Int) -> (mean: Double, count: Int)? {
        guard let found = times[Self.key(world, pairs, epochs)], !found.isEmpty else { return nil }
        return (found.reduce(0, +) / Double(found.count), found.count)
    }

    private static func key(_ spec: TrialSpec) -> String { key(spec.world, spec.pairCount, spec.epochs) }
    private static func key(_ world: String, _ pairs: Int, _ epochs: Int) -> String { "\(world) \(pairs) \(epochs)" }
}
