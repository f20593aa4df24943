import LabCore

/// A loss of which only the truth is known: its expected score at every setting.
struct SimulatedLoss: Sendable {
    let id: CandidateID
    let name: String
    /// Best learning rate and beta, which need not lie on the grid, as doublings from the middle of the grid.
    let optimum: (learningRate: Double, beta: Double)
    /// Score lost per squared doubling away from the optimum. DPO lost .30 over the 3.3 doublings from beta .05 to .5.
    let curvature: (learningRate: Double, beta: Double)
    /// Expected score at the best setting that the grid offers.
    let best: Double
    /// What the best setting of the grid loses against the optimum off the grid.
    private let offGrid: Double

    init(id: CandidateID, name: String, best: Double, on grid: SettingGrid, using generator: inout SeededGenerator) {
        self.id = id
        self.name = name
        self.best = best
        let optimum = (learningRate: 0.5 * generator.normal(), beta: 0.7 * generator.normal())
        let curvature = (learningRate: 0.05 + 0.10 * generator.uniform(), beta: 0.02 + 0.04 * generator.uniform())
        self.optimum = optimum
        self.curvature = curvature
        offGrid = grid.settings.map { Self.loss(at: $0, of: grid, optimum, curvature) }.min() ?? 0
    }

    /// Expected score at a setting of the grid.
    func score(at setting: Setting, of grid: SettingGrid) -> Double {
        best + offGrid - Self.loss(at: setting, of: grid, optimum, curvature)
    }

    /// What a setting loses against the optimum: quadratic in doublings.
    private static func loss(
        at setting: Setting, of grid: SettingGrid, _ optimum: (learningRate: Double, beta: Double),
        _ curvature: (learningRate: Double, beta: Double)
    ) -> Double {
        let rate = doublings(setting.learningRate, from: grid.learningRates) - optimum.learningRate
        let beta = doublings(setting.beta, from: grid.betas) - optimum.beta
        return curvature.learningRate * rate * rate + curvature.beta * beta * beta
    }

    private static func doublings(_ value: Double, from values: [Double]) -> Double {
        logarithm2(value / values.sorted()[values.count / 2])
    }
}

/// Base-2 logarithm without Foundation, exact enough for a response surface.
func logarithm2(_ value: Double) -> Double {
    guard value > 0, value.isFinite else { return 0 }
    // The significand m lies in [1, 2): log2(m) = 2 artanh((m - 1) / (m + 1)) / ln 2, a series that converges fast here.
    let z = (value.significand - 1) / (value.significand + 1)
    var power = z
    var sum = 0.0
    for term in 0..<20 {
        sum += power / Double(2 * term + 1)
        power *= z * z
    }
    return Double(value.exponent) + 2 * sum / 0.693147180559945309417
}
