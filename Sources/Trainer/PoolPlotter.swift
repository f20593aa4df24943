public import Foundation
public import LabCore
import WorkerProtocol

/// Measures losses along rho in the pool's workers, and draws them.
public struct PoolPlotter: Sendable {
    let pool: WorkerPool

    public init(pool: WorkerPool) { self.pool = pool }

    /// - Parameter picture: the ending of the picture's file, `svg` or `png`; `nil` draws none.
    public func plot(
        _ losses: [LossSource], as request: PlotRequest, picture ending: String?
    ) async throws -> PlotOutcome {
        let folder = FileManager.default.temporaryDirectory.appending(path: "losslab-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = ending.map { folder.appending(path: "plot.\($0)") }
        let label = "plotting \(losses.map(\.name).joined(separator: ", "))"
        // As long as a training may take, for each.
        let report = try await pool.run(label, within: .seconds(600 * losses.count)) {
            job(id: $0, losses: losses, request: request, output: file?.path)
        }
        if let rejection = report.rejection { return .rejected(rejection) }
        return .plotted(try report.result(as: PlottedLosses.self), picture: try file.map { try Data(contentsOf: $0) })
    }

    private func job(id: String, losses: [LossSource], request: PlotRequest, output: String?) -> PlotJob {
        let world = request.world
        return PlotJob(
            id: id,
            losses: losses.map { PlottedSource(name: $0.name, source: $0.text, beta: request.beta ?? $0.beta) },
            world: world?.name ?? "", data: world != nil, policy: world?.policy ?? "",
            pairs: PairsInput(path: world?.pairs[.search] ?? "", count: request.pairs),
            training: TrainingSettings(
                learningRate: request.learningRate, batchSize: world?.training.batchSize ?? 1, epochs: 1,
                warmupSteps: world?.training.warmupSteps ?? 0,
                maxGradientNorm: world?.training.maxGradientNorm ?? 1, seed: request.seed,
                logpScale: world?.training.logpScale ?? 1),
            range: request.range, output: output)
    }
}

/// How losses are to be plotted.
public struct PlotRequest: Sendable {
    /// Where to train for the margins behind the curves; `nil` leaves them out.
    public let world: WorldDescription?
    /// `nil` takes each loss's own.
    public let beta: Double?
    public let learningRate: Double
    public let seed: Int
    /// Preference pairs of the search pool, drawn by the seed.
    public let pairs: Int
    /// Shows rho from minus this to this.
    public let range: Double?

    public init(
        world: WorldDescription?, beta: Double?, learningRate: Double, seed: Int, pairs: Int = 1024, range: Double?
    ) {
        self.world = world
        self.beta = beta
        self.learningRate = learningRate
        self.seed = seed
        self.pairs = pairs
        self.range = range
    }
}

/// The numbers of a plot: each loss's values and slopes over rho, and how many pairs lie where.
public struct PlottedLosses: Codable, Sendable {
    public struct Loss: Codable, Sendable {
        public let name: String
        public let beta: Double
        /// Nats, times the world's factor on log-probabilities.
        public let rho: [Double]
        /// `nil` where the loss gives no finite number, here and in the slope.
        public let f: [Double?]
        public let slope: [Double?]
        public let dependsOnMoreThanRho: Bool
        /// The same rho reached differently, where that gives other values.
        public let otherWays: [Way]
        /// Training pairs between neighbouring edges, at the end of training.
        public let counts: [Int]?
    }

    public struct Way: Codable, Sendable {
        public let way: String
        public let f: [Double?]
        public let slope: [Double?]
    }

    public let losses: [Loss]
    /// Margins that divide the counts.
    public let edges: [Double]?
    /// The reference's log-probability of every completion.
    public let referenceLogps: Double
}

/// What became of a plot; a rejection names the loss.
public enum PlotOutcome: Sendable {
    case plotted(PlottedLosses, picture: Data?)
    case rejected(Rejection)
}
